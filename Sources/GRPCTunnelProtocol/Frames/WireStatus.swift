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

/// An RPC's status with its details (`google.rpc.Status`).
package struct WireStatus: Hashable, Sendable {
  /// The status code as received: any value, see PROTOCOL.md 4.
  package var code: Int32

  package var message: String

  package var details: [Detail]

  /// Once there are more details than this in a status from a peer, no more are kept: they are larger
  /// than any limit already, even when they are empty.
  package static let maximumDetailCount = 32_768

  package init(code: Int32 = 0, message: String = "", details: [Detail] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  /// One detail (`google.protobuf.Any`), never looked into.
  package struct Detail: Hashable, Sendable {
    package var typeURL: String
    package var value: ArraySlice<UInt8>

    package init(typeURL: String = "", value: ArraySlice<UInt8> = []) {
      self.typeURL = typeURL
      self.value = value
    }
  }
}
