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

/// How an RPC ends for its caller.
package struct RPCEnding: Sendable {
  package var status: Status
  package var trailers: Metadata

  package init(status: Status, trailers: Metadata) {
    self.status = status
    self.trailers = trailers
  }

  init(_ error: RPCError) {
    self.init(
      status: Status(code: Status.Code(error.code), message: error.message),
      trailers: error.metadata.forwardable()
    )
  }

  init(code: Status.Code, _ message: String) {
    self.init(status: Status(code: code, message: message), trailers: [:])
  }

  /// Nobody waits for this status any more; it ends the stream.
  static var cancelled: RPCEnding {
    RPCEnding(code: .cancelled, "The RPC was cancelled.")
  }

  static var deadlineExceeded: RPCEnding {
    RPCEnding(code: .deadlineExceeded, "The deadline of the RPC has passed.")
  }
}
