/*
 * Copyright 2026, The grpc-swift-tunnel Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

/// Identifies one RPC (a stream) within a tunnel.
///
/// The tunnel client chooses ids; they only grow. Ids from 0 up name streams; ``tunnel`` names the
/// tunnel itself (PROTOCOL.md 3 and 4).
package struct StreamID: Hashable, Comparable, Sendable, RawRepresentable, CustomStringConvertible {
  package var rawValue: Int64

  package init(rawValue: Int64) {
    self.rawValue = rawValue
  }

  /// The id of frames that concern the whole tunnel: settings, and the `drain` extension.
  package static let tunnel = StreamID(rawValue: -1)

  package static func < (lhs: StreamID, rhs: StreamID) -> Bool {
    lhs.rawValue < rhs.rawValue
  }

  /// As the number is hashed, in one step: several tables are searched for every frame.
  package func _rawHashValue(seed: Int) -> Int {
    self.rawValue._rawHashValue(seed: seed)
  }

  package var description: String {
    String(self.rawValue)
  }
}
