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
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Graceful shutdowns", .timeLimit(.minutes(5)))
struct ShutdownTests {
  @Test("a client lets its RPCs end, then half-closes and waits for the peer")
  func client() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network)
      let (_, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        let (id, _) = try await peer.readNewStream()
        client.beginGracefulShutdown()
        // What comes later is refused here.
        await #expect(throws: (any Error).self) {
          let late = try await client.call(ControlCall(.unary, [.echo]))
          if let error = late.error { throw error }
        }
        try await peer.answer(id, [3])
        #expect(try await reply.messages == [[3]])
        while try await peer.next() != nil {}
        try await peer.end()
      }
      #expect(failure == nil)
    }
  }

  @Test("a peer that does not end the carrier after a half-close is left after 5 s")
  func unendingPeerOfClient() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, clock: clock.clock)
      let (_, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        let (id, _) = try await peer.readNewStream()
        try await peer.answer(id, [3])
        _ = try await reply
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}

        try await clock.waitForSleeper(until: .seconds(5))
        clock.advance(by: .seconds(5))
        try await peer.waitUntilReset()
      }
      #expect(failure == nil)
    }
  }

  @Test("RPCs that go on for too long are failed when a client drains")
  func drainTimeout() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    let service = TunnelService(services: [ControlService(events: events)])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = TunnelClientTransport(over: network, clock: clock.clock)
        let (_, failure) = try await withRunningClient(transport: transport) { client in
          async let reply = client.call(
            ControlCall(
              .unary,
              [.signal("started"), .awaitCancellation],
              metadata: [ControlKey.cancelled: "cancelled"]
            )
          )
          try await events.wait(for: "started")
          try await clock.waitForSleeper(until: .seconds(10))
          client.beginGracefulShutdown()
          clock.advance(by: .seconds(30))
          #expect(try await reply.error?.code == .unavailable)
          try await events.wait(for: "cancelled")
        }
        #expect(failure == nil)
      }
    }
  }

  @Test("a reverse server says that it drains, lets its RPCs end, and half-closes")
  func reverseServer() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network),
        services: [ControlService(events: events)]
      ) { server in
        let (peer, _) = try await RawTunnelClient.accept(
          over: pair,
          headers: .negotiating(extensions: .drain, .refused)
        )
        try await Self.drain(peer, events: events) { server.beginGracefulShutdown() }
        #expect(try await peer.next() == nil)
        try await peer.end()
      }
    }
  }

  @Test("a reverse server whose peer does not end the carrier leaves it after 5 s")
  func unendingPeerOfReverseServer() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = ReverseTunnelServerTransport(over: network, clock: clock.clock)
      try await withGRPCServer(transport: transport, services: []) { server in
        let (peer, _) = try await RawTunnelClient.accept(over: pair)
        _ = try await peer.nextOrThrow()
        server.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await clock.waitForSleeper(until: .seconds(5))
        clock.advance(by: .seconds(5))
        try await peer.waitUntilReset()
      }
    }
  }

  @Test("an outer server that shuts down drains its forward tunnels")
  func outerServerForward() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let service = TunnelService(services: [ControlService(events: events)])
    try await withGRPCServer(transport: pair.server, services: [service]) { server in
      let peer = try await RawTunnelClient.dial(
        over: pair,
        headers: .negotiating(extensions: .drain, .refused)
      )
      try await Self.drain(peer, events: events) { server.beginGracefulShutdown() }
      #expect(try await peer.readStatus()?.code == .ok)
    }
  }

  /// Makes a tunnel server drain while an RPC is open.
  private static func drain(
    _ peer: RawTunnelClient,
    events: ControlEvents,
    begin: () -> Void
  ) async throws {
    let call = ControlCall(
      .bidirectional,
      [.signal("started"), .wait("let go"), .echo],
      metadata: [ControlKey.cancelled: "told"]
    )
    try await peer.send(.call(1, call))
    try await events.wait(for: "started")
    #expect(try await peer.nextOrThrow().streamID == .tunnel)
    #expect(try await peer.nextOrThrow() == .headers(1))
    begin()
    while try await !peer.nextOrThrow().isDrain {}
    // As in any server that shuts down, the handle fires and the RPC goes on.
    try await events.wait(for: "told")

    try await peer.send(.call(2, ControlCall(.unary, [.echo])))
    try await peer.send(.message(2, [1]))
    try await peer.send(.halfClose(2))
    let refusal = try await peer.nextOrThrow()
    #expect(refusal.streamID == 2)
    #expect(refusal.closeStatus?.rpcCode == .unavailable)
    #expect(refusal.closeStatus?.message == "server is shutting down")
    if case .closeStream(let close) = refusal.payload {
      #expect(close.unprocessed)
    }

    try await peer.send(.message(1, [4]))
    try await peer.send(.halfClose(1))
    events.happen("let go")
    #expect(try await peer.nextOrThrow() == .message(1, [4]))
    #expect(try await peer.nextOrThrow().closeStatus?.rpcCode == .ok)
  }

  @Test("an outer server that shuts down drains the tunnels in its tunnels too")
  func nestedTunnels() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let inner = TunnelService(services: [ControlService(events: events)])
    let outer = TunnelService(services: [inner])
    try await withGRPCServer(transport: pair.server, services: [outer]) { server in
      try await withGRPCClient(transport: pair.client) { network in
        _ = try await withRunningClient(transport: .tunnel(over: network)) { client in
          _ = try await withRunningClient(transport: .tunnel(over: client)) { client in
            let call = ControlCall(.unary, [.signal("started"), .wait("let go"), .echo])
            async let reply = client.call(call)
            try await events.wait(for: "started")
            server.beginGracefulShutdown()
            // Both tunnels refuse new RPCs, and neither waits for its drain timeout.
            while try await client.call(ControlCall(.unary, [.echo])).error == nil {}
            events.happen("let go")
            #expect(try await reply.error == nil)
          }
        }
      }
    }
  }

  @Test("a handler does not hear that its tunnel alone is let go, for one endpoint of several")
  func removedEndpoint() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let contexts = SeenContexts()
    let (stream, sets) = AsyncStream.makeStream(of: Set<String>.self)
    let transport = ReverseTunnelServerTransport(to: stream) { _ in
      GRPCClient(transport: pair.client)
    }
    try await withGRPCServer(
      transport: transport,
      services: [ControlService(events: events)],
      interceptors: [contexts]
    ) { _ in
      sets.yield(["a"])
      let (peer, _) = try await RawTunnelClient.accept(
        over: pair,
        headers: .negotiating(extensions: .drain)
      )
      try await peer.send(.call(1, ControlCall(.bidirectional, [.signal("started"), .echo])))
      try await events.wait(for: "started")
      sets.yield([])
      while try await !peer.nextOrThrow().isDrain {}
      try await peer.send(.message(1, [4]))
      try await peer.send(.halfClose(1))
      #expect(try await peer.readClose(of: 1).rpcCode == .ok)
      #expect(contexts.atServer.map(\.cancellation.isCancelled) == [false])
      while try await peer.next() != nil {}
      try await peer.end()
    }
  }

  @Test("an outer server that shuts down lets the RPCs of its reverse tunnels end")
  func outerServerReverse() async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { server in
      let peer = try await RawTunnelServer.dial(over: pair)
      _ = try await peer.receiveHeaders()
      try await peer.send(.settings(.zero, .one))
      try await agents.waitUntilReady()
      try await withGRPCClient(transport: agents.transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (id, _) = try await peer.readNewStream()
        server.beginGracefulShutdown()
        while agents.isReady { await Task.yield() }
        let late = try await client.call(
          ControlCall(.unary, [.echo], options: .defaults { $0.waitForReady = false })
        )
        #expect(late.error?.code == .unavailable)
        try await peer.answer(id, [6])
        #expect(try await reply.messages == [[6]])
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
  }
}

extension CallOptions {
  static func defaults(configure: (inout CallOptions) -> Void) -> CallOptions {
    var options = CallOptions.defaults
    configure(&options)
    return options
  }
}
