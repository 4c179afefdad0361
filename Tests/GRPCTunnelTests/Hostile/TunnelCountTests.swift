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

/// How many tunnels there may be, and how old they may become.
@Suite("Limits: tunnels", .timeLimit(.minutes(5)))
struct TunnelCountTests {
  private static func config(
    _ configure: (inout TunnelConfig.Limits) -> Void
  ) -> TunnelConfig {
    .defaults {
      configure(&$0.limits)
      // However long a busy machine takes.
      $0.timeouts.handshake = .seconds(120)
      $0.timeouts.drain = .seconds(120)
      $0.liveness.probeTimeout = .seconds(120)
    }
  }

  /// Expects that the server refuses a tunnel because there are too many.
  private static func expectRefusal(
    naming limit: String,
    _ peer: RawPeer<some ProtobufMessage, some ProtobufMessage>
  ) async throws {
    let error = await #expect(throws: RPCError.self) { try await peer.receiveHeaders() }
    #expect(error?.code == .resourceExhausted)
    #expect(error?.message.contains(limit) == true)
  }

  @Test("forward tunnels of a service")
  func forward() async throws {
    let pair = CarrierPair()
    let service = TunnelService(
      services: [ControlService(events: ControlEvents())],
      config: Self.config { $0.maximumTunnels = 2 }
    )
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let first = try await RawTunnelClient.dial(over: pair)
      _ = try await first.receiveHeaders()
      let second = try await RawTunnelClient.dial(over: pair)
      _ = try await second.receiveHeaders()
      try await Self.expectRefusal(
        naming: "2 tunnels of this service",
        RawTunnelClient.dial(over: pair)
      )

      first.halfClose()
      #expect(try await first.readStatus()?.code == .ok)
      let third = try await RawTunnelClient.dial(over: pair)
      _ = try await third.receiveHeaders()
      for peer in [second, third] {
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
  }

  @Test("reverse tunnels of a registry, and of a key")
  func reverse() async throws {
    let pair = CarrierPair()
    let config = Self.config { limits in
      limits.maximumTunnels = 3
      limits.maximumTunnelsPerKey = 2
    }
    let agents = ReverseTunnels(keyHeader: "agent-id", config: config)
    let service = TunnelService(reverseTunnels: agents)
    let dial = { (key: String) in
      var headers = Metadata.negotiating
      headers.addString(key, forKey: "agent-id")
      let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
      try await peer.send(.settings(.zero, .one))
      return peer
    }
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let first = try await dial("a")
      _ = try await first.receiveHeaders()
      let second = try await dial("a")
      _ = try await second.receiveHeaders()
      try await Self.expectRefusal(naming: "2 tunnels with the same key", dial("a"))
      // One that was refused does not count.
      let third = try await dial("b")
      _ = try await third.receiveHeaders()
      try await Self.expectRefusal(naming: "3 tunnels of this service", dial("c"))

      first.halfClose()
      #expect(try await first.readStatus()?.code == .ok)
      let fourth = try await dial("a")
      _ = try await fourth.receiveHeaders()
      for peer in [second, third, fourth] {
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
    #expect(agents.tunnels.isEmpty)
  }

  @Test("tunnels that are being opened count, and those that are refused do not")
  func beingOpened() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let agents = ReverseTunnels(config: Self.config { $0.maximumTunnels = 2 }) { request in
      let name = request.metadata.strings("name")[0]
      events.happen("\(name) is asked")
      try await events.wait(for: "\(name) is known")
      if name == "stranger" { throw RPCError(code: .permissionDenied, message: "Who are you?") }
      return name
    }
    let service = TunnelService(reverseTunnels: agents)
    let dial = { (name: String) in
      var headers = Metadata.negotiating
      headers.addString(name, forKey: "name")
      let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
      try await peer.send(.settings(.zero, .one))
      return peer
    }
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let friend = try await dial("friend")
      let stranger = try await dial("stranger")
      try await events.wait(for: "friend is asked")
      try await events.wait(for: "stranger is asked")
      try await Self.expectRefusal(naming: "2 tunnels of this service", dial("third"))

      events.happen("stranger is known")
      let error = await #expect(throws: RPCError.self) { try await stranger.receiveHeaders() }
      #expect(error?.code == .permissionDenied)
      events.happen("third is known")
      let third = try await dial("third")
      _ = try await third.receiveHeaders()

      events.happen("friend is known")
      _ = try await friend.receiveHeaders()
      for peer in [friend, third] {
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
  }

  @Test("a tunnel that replaces another counts only once that has ended")
  func replacement() async throws {
    let pair = CarrierPair()
    let config = Self.config { $0.maximumTunnelsPerKey = 1 }
    let agents = ReverseTunnels(config: config) { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    let dial = { (identity: TunnelIdentity?) in
      var headers = Metadata.negotiating(extensions: .identity)
      identity?.write(into: &headers)
      let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
      try await peer.send(.settings(.zero, .one))
      return peer
    }
    let identity = TunnelIdentity(instance: "a", slot: 0)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let old = try await dial(identity)
      try await agents.waitUntilReady()
      try await withGRPCClient(transport: agents.transport) { client in
        // Keeps the old tunnel from ending.
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (id, _) = try await old.readNewStream()
        let new = try await dial(identity)
        _ = try await new.receiveHeaders()
        for other in [identity, TunnelIdentity(instance: "b", slot: 0), nil] {
          try await Self.expectRefusal(naming: "1 tunnels with the same key", dial(other))
        }
        try await old.answer(id, [1])
        #expect(try await reply.messages == [[1]])
        #expect(try await old.readStatus()?.code == .ok)

        let newest = try await dial(identity)
        _ = try await newest.receiveHeaders()
        for peer in [new, newest] {
          peer.halfClose()
          #expect(try await peer.readStatus()?.code == .ok)
        }
      }
    }
  }

  @Test("a forward tunnel that is too old drains, lets its RPC end, and ends")
  func forwardAge() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    let service = TunnelService(
      services: [ControlService(events: events)],
      config: Self.config { $0.maximumTunnelAge = .seconds(1000) },
      clock: clock.clock
    )
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(
        over: pair,
        headers: .negotiating(extensions: .drain, .refused)
      )
      try await clock.waitForSleeper(until: .seconds(900) ... .seconds(1100))
      try await peer.send(
        .call(1, ControlCall(.bidirectional, [.signal("started"), .echo]))
      )
      try await events.wait(for: "started")
      clock.advance(by: .seconds(1100))
      while try await !peer.nextOrThrow().isDrain {}
      try await peer.send(.call(2, ControlCall(.unary, [.echo])))
      var refusal = CloseStream()
      while refusal.status == nil {
        let frame = try await peer.nextOrThrow()
        if frame.streamID == 2, case .closeStream(let close) = frame.payload { refusal = close }
      }
      #expect(refusal.status?.rpcCode == .unavailable)
      #expect(refusal.unprocessed)
      try await peer.send(.message(1, [1]))
      try await peer.send(.halfClose(1))
      #expect(try await peer.readClose(of: 1).rpcCode == .ok)
      #expect(try await peer.readStatus()?.code == .ok)
    }
  }

  @Test("a reverse tunnel that is too old drains, lets its RPC end, and ends")
  func reverseAge() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let agents = ReverseTunnels(
      config: Self.config { $0.maximumTunnelAge = .seconds(1000) },
      clock: clock.clock
    ) { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(
        over: pair,
        headers: .negotiating(extensions: .drain)
      )
      try await peer.send(.settings(.zero, .one))
      try await agents.waitUntilReady()
      try await clock.waitForSleeper(until: .seconds(900) ... .seconds(1100))
      try await withGRPCClient(transport: agents.transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (id, _) = try await peer.readNewStream()
        clock.advance(by: .seconds(1100))
        while try await peer.nextOrThrow() != ClientFrame(streamID: .tunnel, payload: .halfClose) {}
        #expect(!agents.isReady)
        try await peer.answer(id, [1])
        #expect(try await reply.messages == [[1]])
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
    #expect(agents.tunnels.isEmpty)
  }

  @Test("an agent replaces a tunnel that was too old")
  func replaced() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let agents = ReverseTunnels(
      config: Self.config { $0.maximumTunnelAge = .seconds(1000) },
      clock: clock.clock
    ) { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        try await withGRPCServer(
          transport: .reverseTunnel(over: network, reconnect: .tiny),
          services: [ControlService(events: ControlEvents())]
        ) { _ in
          try await agents.waitUntilReady()
          let first = try #require(agents.tunnels.first?.tunnel.id)
          try await clock.waitForSleeper(until: .seconds(900) ... .seconds(1100))
          var events = agents.events.makeAsyncIterator()
          clock.advance(by: .seconds(1100))
          while case .some(let event) = await events.next() {
            if case .opened = event { break }
          }
          #expect(!agents.tunnels.contains { $0.tunnel.id == first })
          try await withGRPCClient(transport: agents.transport) { client in
            let reply = try await client.call(ControlCall(.unary, [.echo]))
            #expect(reply.error == nil)
          }
        }
      }
    }
  }
}
