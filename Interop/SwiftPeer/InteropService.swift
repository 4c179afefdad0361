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

internal import GRPCCore
internal import GRPCProtobuf
internal import SwiftProtobuf

/// The service of `Interop/protos/interop.proto`, which does what each request says. It offers all
/// but `meet`, and it cannot see how much time a call has left.
struct InteropService: Interop_Interop.ServiceProtocol {
  func unary(
    request: ServerRequest<Request>,
    context: ServerContext
  ) async throws -> ServerResponse<Reply> {
    let message = request.message
    try await self.end(message, context)
    return ServerResponse(
      message: self.reply(
        message,
        metadata: request.metadata,
        count: 1,
        size: message.payload.count
      ),
      metadata: Metadata(message.initialMetadata),
      trailingMetadata: Metadata(message.trailingMetadata)
    )
  }

  func upload(
    request: StreamingServerRequest<Request>,
    context: ServerContext
  ) async throws -> ServerResponse<Reply> {
    var last = Request()
    var count = 0
    var size = 0
    for try await message in request.messages {
      last = message
      count += 1
      size += message.payload.count
    }
    try await self.end(last, context)
    return ServerResponse(
      message: self.reply(last, metadata: request.metadata, count: count, size: size),
      metadata: Metadata(last.initialMetadata),
      trailingMetadata: Metadata(last.trailingMetadata)
    )
  }

  func download(
    request: ServerRequest<Request>,
    context: ServerContext
  ) async throws -> StreamingServerResponse<Reply> {
    let message = request.message
    return StreamingServerResponse(metadata: Metadata(message.initialMetadata)) { writer in
      for index in 0 ..< Int(message.replyCount) {
        try await writer.write(
          self.reply(
            message,
            metadata: request.metadata,
            index: index,
            count: 1,
            size: message.payload.count
          )
        )
      }
      try await self.end(message, context)
      return Metadata(message.trailingMetadata)
    }
  }

  func chat(
    request: StreamingServerRequest<Request>,
    context: ServerContext
  ) async throws -> StreamingServerResponse<Reply> {
    // The first request says what the first metadata is, so it is read before the response begins.
    let requests = Handover(request.messages.makeAsyncIterator())
    guard let first = try await requests.value.next() else {
      return StreamingServerResponse { _ in [:] }
    }

    return StreamingServerResponse(metadata: Metadata(first.initialMetadata)) { writer in
      var next: Request? = first
      var trailingMetadata = Metadata()
      var count = 0
      var size = 0
      var index = 0
      while let message = next {
        count += 1
        size += message.payload.count
        for _ in 0 ..< max(1, Int(message.replyCount)) {
          try await writer.write(
            self.reply(message, metadata: request.metadata, index: index, count: count, size: size)
          )
          index += 1
        }
        if !message.trailingMetadata.isEmpty {
          trailingMetadata = Metadata(message.trailingMetadata)
        }
        try await self.end(message, context)
        next = try await requests.value.next()
      }
      return trailingMetadata
    }
  }

  private func reply(
    _ request: Request,
    metadata: Metadata,
    index: Int = 0,
    count: Int,
    size: Int
  ) -> Reply {
    .with {
      $0.payload = request.replySize == 0 ? request.payload : pattern(Int(request.replySize))
      $0.index = UInt32(index)
      $0.requestCount = UInt32(count)
      $0.requestBytes = UInt64(size)
      if request.reportCall {
        $0.metadata = metadata.entries
      }
    }
  }

  /// Waits for the call's end, or fails it, when the request says so.
  private func end(_ request: Request, _ context: ServerContext) async throws {
    if !request.waitForEnd.isEmpty {
      try await context.cancellation.cancelled
      throw RPCError(code: .cancelled, message: "\(request.waitForEnd) has ended")
    }

    guard request.hasFailure else { return }
    let failure = request.failure
    let code = Status.Code(rawValue: Int(failure.code)).flatMap { RPCError.Code($0) } ?? .unknown
    var error = RPCError(code: code, message: failure.message)
    if !failure.reasons.isEmpty {
      let details = failure.reasons.map { ErrorDetails.errorInfo(reason: $0, domain: "interop") }
      error = RPCError(GoogleRPCStatus(code: code, message: failure.message, details: details))
    }
    error.metadata.add(contentsOf: Metadata(request.trailingMetadata))
    throw error
  }
}

/// Takes a value from a handler to the producer of its response.
// Unchecked: the handler has returned before the producer starts, so there is one user at a time.
private final class Handover<Value>: @unchecked Sendable {
  var value: Value

  init(_ value: Value) {
    self.value = value
  }
}
