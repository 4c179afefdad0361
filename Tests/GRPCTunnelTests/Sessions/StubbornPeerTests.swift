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

/// A graceful shutdown of each end returns, whatever the peer does; its RPCs fail when their time is
/// over. The clock is only let go on once the shutdown has begun.
@Suite("A graceful shutdown with a peer that does not play along", .timeLimit(.minutes(5)))
struct StubbornPeerTests {
  enum Peer: CaseIterable, Sendable {
    /// Does not answer the carrier.
    case sendsNoHeaders
    /// Answers the carrier, but not the tunnel.
    case sendsNoSettings
    /// Keeps RPCs open for ever.
    case endsNoRPC
    /// Takes no frame after the first ones.
    case readsNothing
    /// Does not end the carrier.
    case endsNoCarrier
    /// Is not reached any more, and does not reach this end.
    case isStalled

    /// A network over which the peer behaves so.
    fileprivate var pair: CarrierPair {
      switch self {
      case .readsNothing: CarrierPair(capacity: 1)
      case .sendsNoHeaders, .sendsNoSettings, .endsNoRPC, .endsNoCarrier, .isStalled: CarrierPair()
      }
    }
  }

  private static let call = ControlCall(
    .unary,
    [.awaitCancellation],
    messages: [[UInt8](pattern: 60_000)],
    options: .defaults { $0.waitForReady = false }
  )

  // MARK: - The ends that dial

  @Test("of a forward tunnel's client", arguments: Peer.allCases, [false, true])
  func forwardClient(peer behaviour: Peer, reconnects: Bool) async throws {
    let pair = behaviour.pair
    let clock = ManualClock()
    let over = OneShotEvent()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(
        over: network,
        reconnect: reconnects ? .tiny : nil,
        clock: clock.clock
      )
      let client = GRPCClient(transport: transport)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try? await client.runConnections()
          over.fire()
        }
        if behaviour != .endsNoCarrier {
          group.addTask {
            do {
              let code = try await client.call(Self.call).error?.code
              #expect(code == .unavailable || code == .failedPrecondition)
            } catch let error as RuntimeError {
              // It came after the shutdown.
              #expect(error.code == .clientIsStopped)
            }
          }
        }
        let (peer, _) = try await RawTunnelServer.accept(
          over: pair,
          headers: behaviour == .sendsNoHeaders ? nil : .negotiating
        )
        switch behaviour {
        case .sendsNoHeaders, .sendsNoSettings:
          ()
        case .endsNoRPC, .readsNothing, .isStalled:
          try await peer.send(.settings(.zero, .one))
          _ = try await peer.readNewStream()
        case .endsNoCarrier:
          try await peer.send(.settings(.zero, .one))
          _ = try await transport.states.firstElement { $0.isReady }
        }
        if behaviour == .isStalled { pair.stall() }
        client.beginGracefulShutdown()
        await clock.run(until: over)
        try await peer.waitUntilReset()
        try await group.waitForAll()
      }
    }
  }

  @Test("of a reverse server", arguments: Peer.allCases)
  func reverseServer(peer behaviour: Peer) async throws {
    let pair = behaviour.pair
    let clock = ManualClock()
    let events = ControlEvents()
    let over = OneShotEvent()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = ReverseTunnelServerTransport(over: network, clock: clock.clock)
      let server = GRPCServer(transport: transport, services: [ControlService(events: events)])
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await server.serve()
          over.fire()
        }
        let (peer, _) = try await RawTunnelClient.accept(
          over: pair,
          headers: behaviour == .sendsNoHeaders ? nil : .negotiating
        )
        switch behaviour {
        case .sendsNoHeaders, .sendsNoSettings:
          ()
        case .endsNoRPC, .readsNothing, .isStalled:
          try await peer.startStubbornCall(events)
        case .endsNoCarrier:
          _ = try await peer.nextOrThrow()
        }
        if behaviour == .isStalled { pair.stall() }
        server.beginGracefulShutdown()
        await clock.run(until: over)
        try await peer.waitUntilReset()
        try await group.waitForAll()
      }
    }
  }

  // MARK: - The ends that are dialled

  /// What a network client can do; the carrier is the server's to end.
  private static let networkClients: [Peer] = [
    .sendsNoSettings, .endsNoRPC, .readsNothing, .endsNoCarrier, .isStalled,
  ]

  @Test("of a forward tunnel's server", arguments: networkClients)
  func forwardServer(peer behaviour: Peer) async throws {
    let pair = behaviour.pair
    let clock = ManualClock()
    let events = ControlEvents()
    let service = TunnelService(services: [ControlService(events: events)], clock: clock.clock)
    try await Self.serve(service, pair, clock) { begin in
      let peer = try await RawTunnelClient.dial(over: pair)
      switch behaviour {
      case .endsNoRPC, .readsNothing, .isStalled:
        try await peer.startStubbornCall(events)
      case .endsNoCarrier, .sendsNoSettings, .sendsNoHeaders:
        _ = try await peer.nextOrThrow()
      }
      if behaviour == .isStalled { pair.stall() }
      begin()
      if behaviour == .readsNothing {
        // The status too waits to be read: for as long as the server's transport lets it.
        await clock.run(until: events, "cancelled")
        peer.cancel()
      }
    }
  }

  @Test("of a server to which reverse tunnels are opened", arguments: networkClients)
  func networkServer(peer behaviour: Peer) async throws {
    let pair = behaviour.pair
    let clock = ManualClock()
    let agents = ReverseTunnels(clock: clock.clock) { _ in "agent" }
    let failed = OneShotEvent()
    try await Self.serve(TunnelService(reverseTunnels: agents), pair, clock) { begin in
      let peer = try await RawTunnelServer.dial(over: pair)
      _ = try await peer.receiveHeaders()
      try await withThrowingTaskGroup(of: Void.self) { group in
        switch behaviour {
        case .sendsNoSettings, .sendsNoHeaders:
          failed.fire()
        case .endsNoCarrier:
          try await peer.send(.settings(.zero, .one))
          try await agents.waitUntilReady()
          failed.fire()
        case .endsNoRPC, .readsNothing, .isStalled:
          try await peer.send(.settings(.zero, .one))
          try await agents.waitUntilReady()
          group.addTask {
            let client = GRPCClient(transport: agents.transport)
            let code = try await client.call(Self.call).error?.code
            #expect(code == .unavailable)
            failed.fire()
          }
          _ = try await peer.readNewStream()
        }
        if behaviour == .isStalled { pair.stall() }
        begin()
        await clock.run(until: failed)
        // The status too waits to be read: for as long as the server's transport lets it.
        if behaviour == .readsNothing { peer.cancel() }
        try await group.waitForAll()
      }
    }
    #expect(agents.tunnels.isEmpty)
  }

  /// What the client of a tunnel can do that is open.
  private static let agents: [Peer] = [.endsNoRPC, .readsNothing, .endsNoCarrier, .isStalled]

  @Test("of one registered tunnel", arguments: agents)
  func registeredTunnel(peer behaviour: Peer) async throws {
    let pair = behaviour.pair
    let clock = ManualClock()
    let agents = ReverseTunnels(clock: clock.clock) { _ in "agent" }
    let closed = OneShotEvent()
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(over: pair)
      _ = try await peer.receiveHeaders()
      try await peer.send(.settings(.zero, .one))
      try await agents.waitUntilReady()
      let events = agents.events
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await event in events {
            if case .closed(_, key: "agent", let closure) = event {
              #expect(closure.side == .local)
              closed.fire()
              return
            }
          }
        }
        if behaviour != .endsNoCarrier {
          group.addTask {
            let client = GRPCClient(transport: agents.transport)
            let code = try await client.call(Self.call).error?.code
            #expect(code == .unavailable)
          }
          _ = try await peer.readNewStream()
        }
        if behaviour == .isStalled { pair.stall() }
        let tunnel = try #require(agents.tunnels.first)
        #expect(agents.drain(tunnel.tunnel.id))
        await clock.run(until: closed)
        try await group.waitForAll()
      }
      #expect(agents.tunnels.isEmpty)
      peer.cancel()
    }
  }

  /// Runs a server until it has shut down.
  private static func serve(
    _ service: TunnelService,
    _ pair: CarrierPair,
    _ clock: ManualClock,
    _ body: @Sendable (_ beginGracefulShutdown: () -> Void) async throws -> Void
  ) async throws {
    let server = GRPCServer(transport: pair.server, services: [service])
    let over = OneShotEvent()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.serve()
        over.fire()
      }
      try await body { server.beginGracefulShutdown() }
      await clock.run(until: over)
      try await group.waitForAll()
    }
  }
}

extension RawPeer where Outbound == ClientFrame, Inbound == ServerFrame {
  /// Starts an RPC that ends when it is cancelled, and not before.
  fileprivate func startStubbornCall(_ events: ControlEvents) async throws {
    let call = ControlCall(
      .bidirectional,
      [.signal("started"), .awaitCancellation],
      metadata: [ControlKey.cancelled: "cancelled"]
    )
    try await self.send(.call(1, call))
    try await events.wait(for: "started")
  }
}

extension ManualClock {
  /// Lets time pass until something has happened.
  fileprivate func run(until event: OneShotEvent) async {
    while !event.hasHappened {
      self.advance(by: .seconds(1))
      await Task.yield()
    }
  }

  fileprivate func run(until events: ControlEvents, _ name: String) async {
    while !events.hasHappened(name) {
      self.advance(by: .seconds(1))
      await Task.yield()
    }
  }
}
