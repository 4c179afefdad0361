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

internal import NIOCore
internal import NIOHTTP1

/// Answers the requests of one connection, one after the other.
struct HTTPConnection: Sendable {
  typealias Outbound = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

  let handler: HTTPListener.Handler

  /// How many bytes the body of a request may have.
  static let maximumBodySize = 4096

  func serve(_ connection: HTTPListener.Connection) async throws {
    try await connection.executeThenClose { inbound, outbound in
      var parts = inbound.makeAsyncIterator()
      while let part = try await parts.next() {
        guard case .head(let head) = part else { return }
        var body: [UInt8]? = []
        while let part = try await parts.next() {
          if case .end = part { break }
          guard case .body(let buffer) = part else { return }
          // What is too much is read, so that the client reads why it is refused; it has the time of
          // a request for that.
          if let size = body?.count, size + buffer.readableBytes <= Self.maximumBodySize {
            body?.append(contentsOf: buffer.readableBytesView)
          } else {
            body = nil
          }
        }
        let isKept = try await self.answer(head, body: body, outbound)
        if !isKept { return }
      }
    }
  }

  /// - Returns: Whether another request may follow.
  private func answer(
    _ head: HTTPRequestHead,
    body: [UInt8]?,
    _ outbound: Outbound
  ) async throws -> Bool {
    var response: HTTPResponse
    if let body {
      response = await self.handler(
        HTTPRequest(method: head.method, target: head.uri, headers: head.headers, body: body)
      )
    } else {
      response = AdminError(.payloadTooLarge, "The body is too large.").response
    }
    var isKept = head.isKeepAlive && body != nil
    switch response.body {
    case .bytes(let bytes):
      response.headers.replaceOrAdd(name: "content-length", value: "\(bytes.count)")
    case .stream:
      // Its end is the connection's.
      isKept = false
    }
    if !isKept { response.headers.replaceOrAdd(name: "connection", value: "close") }
    let responseHead = HTTPResponseHead(
      version: .http1_1,
      status: response.status,
      headers: response.headers
    )
    try await outbound.write(.head(responseHead))
    switch response.body {
    case _ where head.method == .HEAD:
      ()
    case .bytes(let bytes):
      try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
    case .stream(let write):
      try await write { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: $0)))) }
    }
    try await outbound.write(.end(nil))
    return isKept
  }
}
