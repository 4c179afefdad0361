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

/// A tunnel with one of our ends, of either direction; the other end is made by hand.
struct RawTunnel: Sendable, CustomStringConvertible {
  var direction: TestTunnel.Direction
  /// What the end made by hand says in the carrier's headers.
  var headers = Metadata.negotiating
  var config = TunnelConfig.defaults
  var observability = TunnelObservability.none
  var interceptors: [any ServerInterceptor] = []
  /// What carries the tunnel; nil for something of its own.
  var pair: CarrierPair?
  var clock = TunnelClock.continuous

  var description: String {
    "\(self.direction) tunnel"
  }

  static var all: [RawTunnel] {
    TestTunnel.Direction.allCases.map { RawTunnel(direction: $0) }
  }

  func with(extensions: TunnelExtension...) -> RawTunnel {
    var tunnel = self
    CarrierHeaders(negotiates: true, extensions: Set(extensions)).write(into: &tunnel.headers)
    return tunnel
  }

  /// Our tunnel server, and a tunnel client made by hand, which has read the settings.
  func withOurServer(
    offering services: [any RegistrableRPCService],
    _ body: @Sendable (RawTunnelClient) async throws -> Void
  ) async throws {
    let pair = self.pair ?? CarrierPair()
    switch self.direction {
    case .forward:
      let tunnels = TunnelService(
        services: services,
        interceptors: self.interceptors,
        config: self.config,
        observability: self.observability,
        clock: self.clock
      )
      try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
        let peer = try await RawTunnelClient.dial(over: pair, headers: self.headers)
        try await Self.readSettings(peer, self.headers)
        try await body(peer)
        peer.halfClose()
        _ = try await peer.readStatus()
      }
    case .reverse:
      try await withGRPCClient(transport: pair.client) { network in
        try await withGRPCServer(
          transport: ReverseTunnelServerTransport(
            over: network,
            config: self.config,
            observability: self.observability,
            clock: self.clock
          ),
          services: services,
          interceptors: self.interceptors
        ) { server in
          let (peer, _) = try await RawTunnelClient.accept(over: pair, headers: self.headers)
          try await Self.readSettings(peer, self.headers)
          try await body(peer)
          server.beginGracefulShutdown()
          while try await peer.next() != nil {}
          try await peer.end()
        }
      }
    }
  }

  private static func readSettings(_ peer: RawTunnelClient, _ headers: Metadata) async throws {
    if CarrierHeaders(headers).negotiates { _ = try await peer.nextOrThrow() }
  }

  /// Our tunnel client, and a tunnel server made by hand, which has sent its settings.
  func withOurClient(
    settings: ServerFrame = .settings(.zero, .one),
    _ body:
      @Sendable (
        _ client: GRPCClient<ErasedClientTransport>,
        _ peer: RawTunnelServer
      ) async throws -> Void
  ) async throws {
    let pair = self.pair ?? CarrierPair()
    let negotiates = CarrierHeaders(self.headers).negotiates
    switch self.direction {
    case .forward:
      try await withGRPCClient(transport: pair.client) { network in
        let transport = ErasedClientTransport(
          base: TunnelClientTransport(over: network, config: self.config, clock: self.clock)
        )
        _ = try await withRunningClient(transport: transport) { client in
          let (peer, _) = try await RawTunnelServer.accept(over: pair, headers: self.headers)
          if negotiates { try await peer.send(settings) }
          try await body(client, peer)
          client.beginGracefulShutdown()
          while try await peer.next() != nil {}
          try await peer.end()
        }
      }
    case .reverse:
      let agents = ReverseTunnels(config: self.config, clock: self.clock) { _ in "agent" }
      let tunnels = TunnelService(reverseTunnels: agents)
      try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
        let peer = try await RawTunnelServer.dial(over: pair, headers: self.headers)
        _ = try await peer.receiveHeaders()
        if negotiates { try await peer.send(settings) }
        try await agents.waitUntilReady()
        try await withGRPCClient(transport: ErasedClientTransport(base: agents.transport)) {
          try await body($0, peer)
        }
        peer.halfClose()
        _ = try await peer.readStatus()
      }
    }
  }
}
