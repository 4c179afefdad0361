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
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing

/// The carrier that the other tests trust.
@Suite("CarrierPair", .timeLimit(.minutes(5)))
struct CarrierPairTests {
  private func withPair(
    _ body: (
      _ client: GRPCClient<CarrierClientTransport>,
      _ server: GRPCServer<CarrierServerTransport>,
      _ events: ControlEvents,
      _ pair: CarrierPair
    ) async throws -> Void
  ) async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    try await withGRPCServer(
      transport: pair.server,
      services: [ControlService(events: events)]
    ) { server in
      try await withGRPCClient(transport: pair.client) { client in
        try await body(client, server, events, pair)
      }
    }
  }

  @Test("carries all kinds of RPCs", arguments: RPCKind.allCases)
  func kinds(kind: RPCKind) async throws {
    try await self.withPair { client, _, _, _ in
      let reply = try await client.call(
        ControlCall(kind, [.echo], messages: [[UInt8](pattern: 200_000)], metadata: ["echo-a": "b"])
      )
      #expect(reply.error == nil)
      #expect(reply.messages == [[UInt8](pattern: 200_000)])
      #expect(reply.metadata.strings("initial-a") == ["b"])
      #expect(reply.trailers.strings("trailing-a") == ["b"])
    }
  }

  @Test("a client that leaves fires the handle")
  func clientLeaves() async throws {
    try await self.withPair { client, _, events, pair in
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          _ = try? await client.call(
            ControlCall(
              .bidirectional,
              [.signal("started"), .awaitCancellation],
              metadata: [ControlKey.cancelled: "cancelled"]
            )
          )
        }
        try? await events.wait(for: "started")
        group.cancelAll()
      }
      try await events.wait(for: "cancelled")
      _ = try await client.call(ControlCall(.unary, [.echo]))
      #expect(pair.openCount == 0)
    }
  }

  @Test("a server that shuts down fires the handles, and lets RPCs end")
  func serverShutsDown() async throws {
    try await self.withPair { client, server, events, _ in
      async let reply = client.call(
        ControlCall(.unary, [.signal("started"), .awaitCancellation, .echo], messages: [[1]])
      )
      try await events.wait(for: "started")
      server.beginGracefulShutdown()
      #expect(try await reply.messages == [[1]])
      #expect(try await client.call(ControlCall(.unary, [.echo])).error?.code == .unavailable)
    }
  }

  @Test("a cut fails what is open, and what is tried before it is mended")
  func cut() async throws {
    try await self.withPair { client, _, events, pair in
      async let reply = client.call(
        ControlCall(
          .unary,
          [.signal("started"), .awaitCancellation],
          metadata: [ControlKey.cancelled: "cancelled"]
        )
      )
      try await events.wait(for: "started")
      pair.cut()
      #expect(try await reply.error?.code == .unavailable)
      try await events.wait(for: "cancelled")
      #expect(try await client.call(ControlCall(.unary, [.echo])).error?.code == .unavailable)
      pair.mend()
      #expect(try await client.call(ControlCall(.unary, [.echo])).error == nil)
    }
  }

  @Test("writers wait for a reader")
  func backPressure() async throws {
    let pair = CarrierPair(capacity: 10)
    let peer = try await RawTunnelClient.dial(over: pair)
    let written = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for _ in 0 ..< 10 {
          try await peer.send(.cancel(7))
          written.increment()
        }
      }
      let (other, _) = try await RawTunnelServer.accept(over: pair)
      while written.value < 2 { await Task.yield() }
      for _ in 0 ..< 100 { await Task.yield() }
      #expect(written.value == 2)
      for _ in 0 ..< 10 {
        #expect(try await other.next() == .cancel(7))
      }
      try await group.waitForAll()
    }
  }
}
