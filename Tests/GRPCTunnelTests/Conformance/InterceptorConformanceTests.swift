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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: interceptors", .timeLimit(.minutes(5)))
struct InterceptorConformanceTests {
  @Test("interceptors run for the RPCs in the tunnel", arguments: TestTunnel.allWithKinds)
  func interceptors(tunnel: TestTunnel, kind: RPCKind) async throws {
    var tunnel = tunnel
    tunnel.clientInterceptors = [AddingInterceptor(key: "echo-client")]
    tunnel.serverInterceptors = [AddingInterceptor(key: "echo-server")]
    let running = tunnel
    try await running.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo]))
      #expect(reply.error == nil)
      #expect(reply.metadata.strings("initial-client") == ["seen"])
      #expect(reply.metadata.strings("initial-server") == ["seen"])
    }
  }
}

/// Adds to the request's metadata.
private struct AddingInterceptor: ClientInterceptor, ServerInterceptor {
  let key: String

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>,
    context: ClientContext,
    next: (
      _ request: StreamingClientRequest<Input>,
      _ context: ClientContext
    ) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    var request = request
    request.metadata.addString("seen", forKey: self.key)
    return try await next(request, context)
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
    var request = request
    request.metadata.addString("seen", forKey: self.key)
    return try await next(request, context)
  }
}
