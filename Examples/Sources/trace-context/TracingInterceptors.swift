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
internal import Tracing

/// A span for each RPC that is made, whose identity travels with it.
struct TracingClientInterceptor: ClientInterceptor {
  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>,
    context: ClientContext,
    next: (
      _ request: StreamingClientRequest<Input>,
      _ context: ClientContext
    ) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    // Ends when the response begins. A streaming response goes on: to follow it to its end, give
    // the response a body that ends the span.
    try await withSpan(context.descriptor.fullyQualifiedMethod, ofKind: .client) { span in
      var request = request
      InstrumentationSystem.instrument.inject(
        span.context,
        into: &request.metadata,
        using: MetadataInjector()
      )
      return try await next(request, context)
    }
  }
}

/// A span for each RPC that is handled, as a child of that of its caller. It is current while the
/// handler runs, for spans of its own.
struct TracingServerInterceptor: ServerInterceptor {
  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next: (
      _ request: StreamingServerRequest<Input>,
      _ context: ServerContext
    ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    var caller = ServiceContext.topLevel
    InstrumentationSystem.instrument.extract(
      request.metadata,
      into: &caller,
      using: MetadataExtractor()
    )
    return try await withSpan(
      context.descriptor.fullyQualifiedMethod,
      context: caller,
      ofKind: .server
    ) { _ in
      try await next(request, context)
    }
  }
}

private struct MetadataInjector: Injector {
  func inject(_ value: String, forKey key: String, into carrier: inout Metadata) {
    carrier.replaceOrAddString(value, forKey: key)
  }
}

private struct MetadataExtractor: Extractor {
  func extract(key: String, from carrier: Metadata) -> String? {
    carrier[stringValues: key].first { _ in true }
  }
}
