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

/// Fails RPCs with an error: at once, or behind the messages of their handlers.
struct ThrowingInterceptor: ServerInterceptor {
  var isLate = false
  let error: any Error & Sendable

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    guard self.isLate else { throw self.error }
    let contents = try await next(request, context).accepted.get()
    let error = self.error
    return StreamingServerResponse(metadata: contents.metadata) { writer in
      _ = try await contents.producer(writer)
      throw error
    }
  }
}

/// Adds to the headers and trailers of responses.
struct AddingToResponse: ServerInterceptor {
  var headers: Metadata = [:]
  var trailers: Metadata = [:]

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let contents = try await next(request, context).accepted.get()
    var headers = contents.metadata
    headers.add(contentsOf: self.headers)
    let added = self.trailers
    return StreamingServerResponse(metadata: headers) { writer in
      var trailers = try await contents.producer(writer)
      trailers.add(contentsOf: added)
      return trailers
    }
  }
}
