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

package import GRPCCore

extension RPCError {
  package static var deadlineExceeded: RPCError {
    RPCError(code: .deadlineExceeded, message: "The RPC's deadline has passed.")
  }

  static func handshakeTimedOut(after timeout: Duration) -> RPCError {
    RPCError(
      code: .unavailable,
      message: "The peer did not open the tunnel within the handshake timeout of \(timeout)."
    )
  }

  /// The tunnel server takes no more streams.
  static var peerDrains: RPCError {
    RPCError(code: .unavailable, message: "The tunnel's server is draining.")
  }

  /// A liveness probe was not answered.
  static func silent(for timeout: Duration) -> RPCError {
    RPCError(
      code: .unavailable,
      message: "The peer did not answer a liveness probe within \(timeout)."
    )
  }

  /// What waits to be read would be more than this end keeps.
  package static func unread(_ limit: Int, inThe scope: String) -> RPCError {
    RPCError(
      code: .resourceExhausted,
      message: "More than \(limit) bytes would wait to be read in the \(scope)."
    )
  }

  /// At revision zero: nobody read the stream for too long, and others had to wait for it.
  package static func stalled(_ timeout: Duration) -> RPCError {
    RPCError(
      code: .resourceExhausted,
      message: "Nobody read the RPC's messages for \(timeout) while the tunnel waited for it."
    )
  }
}
