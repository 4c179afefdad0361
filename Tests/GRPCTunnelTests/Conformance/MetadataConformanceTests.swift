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

@Suite("Conformance: metadata (PROTOCOL.md 4 and 9)", .timeLimit(.minutes(5)))
struct MetadataConformanceTests {
  @Test(
    "metadata travels in the request, before and after the response",
    arguments: TestTunnel.allWithKinds
  )
  func echoed(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let metadata: Metadata = [
        "echo-text": "one", "echo-text": "two", "echo-Mixed-Case": "é", "echo-empty": "",
      ]
      let reply = try await client.call(ControlCall(kind, [.echo], metadata: metadata))
      #expect(reply.error == nil)
      #expect(reply.metadata.strings("initial-text") == ["one", "two"])
      #expect(reply.metadata.strings("initial-mixed-case") == ["é"])
      #expect(reply.metadata.strings("initial-empty") == [""])
      #expect(reply.trailers.strings("trailing-text") == ["one", "two"])
      #expect(reply.trailers.strings("trailing-mixed-case") == ["é"])
      #expect(reply.trailers.strings("trailing-empty") == [""])
    }
  }

  @Test("binary values of any bytes travel between our ends", arguments: TestTunnel.allWithKinds)
  func binary(tunnel: TestTunnel, kind: RPCKind) async throws {
    let values: [[UInt8]] = [[], [0], Array(0 ... 255), [0xff, 0xfe], Array("text".utf8)]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      var metadata = Metadata()
      for value in values {
        metadata.addBinary(value, forKey: "echo-values-bin")
      }
      let reply = try await client.call(ControlCall(kind, [.echo], metadata: metadata))
      #expect(reply.error == nil)
      #expect(reply.metadata.binaries("initial-values-bin") == values)
      #expect(reply.trailers.binaries("trailing-values-bin") == values)
    }
  }

  @Test("no header of the transport reaches the services", arguments: TestTunnel.all)
  func transportHeaders(tunnel: TestTunnel) async throws {
    let seen = SeenMetadata()
    var tunnel = tunnel
    tunnel.serverInterceptors = [seen]
    let running = tunnel
    try await running.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(
        ControlCall(.unary, [.echo], metadata: ["te": "trailers", "grpctunnel-negotiate": "on"])
      )
      #expect(reply.error == nil)
    }
    let keys = Set(seen.metadata.flatMap { $0.map(\.key) })
    #expect(keys == ["control-order"])
  }
}

/// Remembers the request metadata of RPCs.
private final class SeenMetadata: ServerInterceptor {
  private let seen = LockedValue<[Metadata]>([])

  var metadata: [Metadata] {
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
    self.seen.withLock { $0.append(request.metadata) }
    return try await next(request, context)
  }
}
