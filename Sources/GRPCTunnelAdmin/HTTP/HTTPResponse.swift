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

package import NIOHTTP1

/// An answer of the admin address.
package struct HTTPResponse: Sendable {
  /// What comes after the headers.
  package enum Body: Sendable {
    case bytes([UInt8])
    /// Written bit by bit, until the closure returns or throws.
    case stream(@Sendable (_ write: @escaping Write) async throws -> Void)
  }

  /// Writes bytes; suspends while the client does not take them, and throws when it has gone.
  package typealias Write = @Sendable ([UInt8]) async throws -> Void

  package var status: HTTPResponseStatus
  package var headers: HTTPHeaders
  package var body: Body

  package init(
    _ status: HTTPResponseStatus,
    contentType: String,
    body: Body
  ) {
    self.status = status
    self.headers = ["content-type": contentType]
    self.body = body
  }

  static func text(_ status: HTTPResponseStatus, _ text: String) -> HTTPResponse {
    HTTPResponse(status, contentType: "text/plain; charset=utf-8", body: .bytes(Array(text.utf8)))
  }
}
