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

/// The first frame of a message: its full size and its first bytes (`MessageData`).
package struct MessageEnvelope: Hashable, Sendable {
  /// The size of the whole message in bytes, as claimed by the sender.
  package var size: UInt32

  /// The first bytes of the message; the rest follows in `more_*_data` frames.
  package var data: ArraySlice<UInt8>

  package init(size: UInt32 = 0, data: ArraySlice<UInt8> = []) {
    self.size = size
    self.data = data
  }
}
