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

/// A revision of the tunnel protocol: an open enumeration on the wire.
package struct ProtocolRevision: Hashable, Comparable, Sendable, RawRepresentable {
  package var rawValue: Int32

  package init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// No flow control: a receiver that cannot take more stops reading the carrier.
  package static let zero = ProtocolRevision(rawValue: 0)

  /// A window per stream and direction.
  package static let one = ProtocolRevision(rawValue: 1)

  package static func < (lhs: ProtocolRevision, rhs: ProtocolRevision) -> Bool {
    lhs.rawValue < rhs.rawValue
  }

  package var usesFlowControl: Bool {
    self != .zero
  }
}

extension ProtocolRevision: CustomStringConvertible {
  package var description: String {
    String(self.rawValue)
  }
}
