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
internal import GRPCTunnel
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: trace context", .timeLimit(.minutes(5)))
struct TraceConformanceTests {
  /// As in the examples of the W3C's documents.
  private static let headers: Metadata = [
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE",
    "tracestate": "vendor@tenant=1",
    "baggage": "userId=Am%C3%A9lie,serverNode=DF%2028;property;key=value , isProduction=false",
  ]

  @Test("its headers pass untouched, both ways", arguments: TestTunnel.allWithKinds)
  func untouched(tunnel: TestTunnel, kind: RPCKind) async throws {
    let trace = TraceInterceptor()
    var tunnel = tunnel
    tunnel.serverInterceptors = [trace]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo], metadata: Self.headers))
      #expect(reply.error == nil)
      for key in ["traceparent", "tracestate", "baggage"] {
        let values = Self.headers.strings(key)
        #expect(trace.request.strings(key) == values)
        #expect(reply.metadata.strings(key) == values)
        #expect(reply.trailers.strings(key) == values)
      }
    }
  }
}

/// Sends what it was sent back before and after the response.
private final class TraceInterceptor: ServerInterceptor {
  private let seen = LockedValue<Metadata>([:])

  var request: Metadata {
    self.seen.withLock { $0 }
  }

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    self.seen.withLock { $0 = request.metadata }
    var contents = try await next(request, context).accepted.get()
    let producer = contents.producer
    let trace = Metadata(
      request.metadata.filter { ["traceparent", "tracestate", "baggage"].contains($0.key) }
    )
    contents.metadata.add(contentsOf: trace)
    contents.producer = { writer in
      var trailers = try await producer(writer)
      trailers.add(contentsOf: trace)
      return trailers
    }
    return StreamingServerResponse(accepted: .success(contents))
  }
}
