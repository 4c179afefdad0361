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

@Suite("Lost and broken tunnels", .timeLimit(.minutes(5)))
struct LossTests {
  @Test("a cut carrier fails every RPC of a forward tunnel at both ends", arguments: [0, 1])
  func cutForward(revision: Int) async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let config = TunnelConfig.revision(revision)
    let service = TunnelService(services: [ControlService(events: events)], config: config)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = TunnelClientTransport(over: network, config: config)
        let (_, failure) = try await withRunningClient(transport: transport) { client in
          try await Self.callsThatAreLost(client, events: events) { pair.cut() }
        }
        #expect(failure?.code == .carrierFailed)
        #expect((failure?.cause as? RPCError)?.code == .unavailable)
        #expect(failure?.message.contains("The connection was lost.") == true)
      }
    }
  }

  @Test("a cut carrier fails every RPC of a reverse tunnel at both ends", arguments: [0, 1])
  func cutReverse(revision: Int) async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let config = TunnelConfig.revision(revision)
    let agents = ReverseTunnels(config: config) { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        try await withGRPCServer(
          transport: .reverseTunnel(over: network, config: config),
          services: [ControlService(events: events)]
        ) { _ in
          try await agents.waitUntilReady()
          try await withGRPCClient(transport: agents.transport) { client in
            try await Self.callsThatAreLost(client, events: events) { pair.cut() }
          }
        }
      }
    }
  }

  /// Opens an RPC of each kind, loses the carrier, and looks at what becomes of them.
  private static func callsThatAreLost(
    _ client: GRPCClient<some ClientTransport>,
    events: ControlEvents,
    lose: @Sendable () -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for kind in RPCKind.allCases {
        group.addTask {
          let reply = try await client.call(
            ControlCall(
              kind,
              [.signal("started \(kind)"), .awaitCancellation, .signal("done \(kind)")],
              metadata: [ControlKey.cancelled: "cancelled \(kind)"]
            )
          )
          #expect(reply.error?.code == .unavailable)
          #expect(reply.error?.message.contains("The connection was lost.") == true)
        }
        try await events.wait(for: "started \(kind)")
      }
      lose()
      for kind in RPCKind.allCases {
        try await events.wait(for: "cancelled \(kind)")
        try await events.wait(for: "done \(kind)")
      }
      try await group.waitForAll()
    }
  }

  /// What breaks a tunnel for its server, and what for its client.
  enum Fault: CaseIterable {
    case garbage
    case unknownStream

    /// A tag that says more than follows.
    static let garbageBytes: [UInt8] = [0x12, 0x7f, 0x00]
  }

  @Test("a fault of the client ends a forward tunnel with INTERNAL", arguments: Fault.allCases)
  func clientFault(fault: Fault) async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let service = TunnelService(services: [ControlService(events: events)])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await Self.break(peer, fault, events: events)
      #expect(try await peer.readStatus()?.code == .internalError)
    }
  }

  @Test(
    "a fault of the caller ends a reverse tunnel, and another is opened",
    arguments: Fault.allCases
  )
  func callerFault(fault: Fault) async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network, reconnect: .tiny),
        services: [ControlService(events: events)]
      ) { _ in
        let (peer, _) = try await RawTunnelClient.accept(over: pair)
        try await Self.break(peer, fault, events: events)
        await #expect(throws: RPCError.self) {
          while try await peer.next() != nil {}
        }
        let (next, _) = try await RawTunnelClient.accept(over: pair)
        try await next.end()
      }
    }
  }

  private static func `break`(
    _ peer: RawTunnelClient,
    _ fault: Fault,
    events: ControlEvents
  ) async throws {
    try await peer.send(
      .call(
        1,
        ControlCall(
          .bidirectional,
          [.signal("started"), .awaitCancellation],
          metadata: [ControlKey.cancelled: "cancelled"]
        )
      )
    )
    try await events.wait(for: "started")
    switch fault {
    case .garbage: try await peer.send(bytes: Fault.garbageBytes)
    case .unknownStream: try await peer.send(.halfClose(5))
    }
    try await events.wait(for: "cancelled")
  }

  @Test("a fault of the server ends a forward tunnel", arguments: Fault.allCases)
  func serverFault(fault: Fault) async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network)
      let (reply, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        _ = try await peer.readNewStream()
        try await Self.break(peer, fault)
        // The carrier is given up.
        await #expect(throws: RPCError.self) {
          while try await peer.next() != nil {}
        }
        return try await reply
      }
      #expect(reply.error?.code == .unavailable)
      #expect(failure?.code == .peerFault)
      #expect((failure?.cause as? RPCError)?.code == .internalError)
    }
  }

  @Test("a fault of an agent ends its tunnel with INTERNAL", arguments: Fault.allCases)
  func agentFault(fault: Fault) async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(over: pair)
      try await peer.send(.settings(.zero, .one))
      try await agents.waitUntilReady()
      try await withGRPCClient(transport: agents.transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        _ = try await peer.receiveHeaders()
        _ = try await peer.readNewStream()
        try await Self.break(peer, fault)
        #expect(try await reply.error?.code == .unavailable)
        #expect(try await peer.readStatus()?.code == .internalError)
      }
    }
  }

  private static func `break`(_ peer: RawTunnelServer, _ fault: Fault) async throws {
    switch fault {
    case .garbage: try await peer.send(bytes: Fault.garbageBytes)
    case .unknownStream: try await peer.send(.headers(5))
    }
  }

  @Test("a carrier that the server ends with OK fails the RPCs that are open")
  func endedByServer() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network)
      let (reply, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        _ = try await peer.readNewStream()
        try await peer.end()
        return try await reply
      }
      #expect(reply.error?.code == .unavailable)
      #expect(failure?.code == .closedByPeer)
    }
  }

  @Test("an agent that half-closes fails its RPCs, and the tunnel ends with OK")
  func endedByAgent() async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(over: pair)
      try await peer.send(.settings(.zero, .one))
      try await agents.waitUntilReady()
      try await withGRPCClient(transport: agents.transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        _ = try await peer.receiveHeaders()
        _ = try await peer.readNewStream()
        peer.halfClose()
        #expect(try await reply.error?.code == .unavailable)
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
  }

  @Test("a carrier that stands still loses nothing", arguments: TestTunnel.inMemory)
  func stalledCarrier(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      _ = try await client.call(ControlCall(.unary, [.echo]))
      tunnel.pair.stall()
      let messages = Array(repeating: [UInt8](pattern: 10_000), count: 50)
      async let reply = client.call(ControlCall(.bidirectional, [.echo], messages: messages))
      // Something that is cancelled while nothing arrives is not heard of, and harms nothing.
      await withTaskGroup(of: Void.self) { group in
        group.addTask { _ = try? await client.call(ControlCall(.unary, [.echo])) }
        group.cancelAll()
      }
      tunnel.pair.resume()
      #expect(try await reply.messages == messages)
    }
  }
}

extension TunnelReconnectPolicy {
  /// Next to no waiting.
  static var tiny: TunnelReconnectPolicy {
    var policy = TunnelReconnectPolicy.defaults
    policy.backoff.initial = .milliseconds(1)
    policy.backoff.maximum = .milliseconds(1)
    return policy
  }
}
