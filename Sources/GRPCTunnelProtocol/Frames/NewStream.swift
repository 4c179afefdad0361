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

/// Starts an RPC (`NewStream`).
package struct NewStream: Hashable, Sendable {
  /// `service/method`, perhaps with a leading slash.
  package var methodName: String

  package var requestHeaders: WireMetadata?

  /// The window, in bytes, for data sent to the tunnel client on this stream.
  package var initialWindowSize: UInt32

  /// The revision that this stream follows.
  package var protocolRevision: ProtocolRevision

  package init(
    methodName: String = "",
    requestHeaders: WireMetadata? = nil,
    initialWindowSize: UInt32 = 0,
    protocolRevision: ProtocolRevision = .zero
  ) {
    self.methodName = methodName
    self.requestHeaders = requestHeaders
    self.initialWindowSize = initialWindowSize
    self.protocolRevision = protocolRevision
  }
}
