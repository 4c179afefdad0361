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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelNIO
internal import GRPCTunnelTestSupport

/// A tunnel of both our ends, as the tests want it.
struct TestTunnel: Sendable, CustomStringConvertible {
  /// What carries the tunnel.
  enum Carrier: CaseIterable, Sendable {
    case inMemory
    case http2
    /// Another tunnel, in memory: of the same direction, or as ``TestTunnel/outerDirections`` says.
    case tunnel
  }

  enum Direction: CaseIterable, Sendable {
    case forward
    case reverse
  }

  var carrier = Carrier.inMemory
  var direction = Direction.forward
  /// Of the tunnels that carry this one, the outermost first.
  var outerDirections: [Direction] = []
  var revision = 1
  /// The highest revision that the tunnel's server permits, if not that of the client.
  var serverRevision: Int?
  var config = TunnelConfig.patient
  var pair = CarrierPair()
  var serverInterceptors: [any ServerInterceptor] = []
  var clientInterceptors: [any ClientInterceptor] = []
  /// Where the tunnel's client, whichever end that is, reports.
  var clientObservability = TunnelObservability.none
  /// Where the tunnel's server reports.
  var serverObservability = TunnelObservability.none
  /// Sent when the tunnel is opened.
  var metadata: Metadata = [:]
  /// For the RPCs in the tunnel.
  var serviceConfig = ServiceConfig()
  /// Whether what carries the tunnel over HTTP/2 is compressed.
  var compressesCarrier = false

  var description: String {
    let outer = self.outerDirections.isEmpty ? "" : " \(self.outerDirections)"
    return "\(self.direction) tunnel over \(self.carrier)\(outer) at revision \(self.revision)"
  }

  /// Every carrier, direction and revision.
  static var all: [TestTunnel] {
    Carrier.allCases.flatMap { carrier in
      Self.inMemory.map { tunnel in
        var tunnel = tunnel
        tunnel.carrier = carrier
        tunnel.pair = CarrierPair()
        return tunnel
      }
    }
  }

  /// Every direction and revision.
  static var inMemory: [TestTunnel] {
    Direction.allCases.flatMap { direction in
      [1, 0].map { TestTunnel(direction: direction, revision: $0) }
    }
  }

  /// Both directions, at revision one.
  static var revisionOne: [TestTunnel] {
    Self.inMemory.filter { $0.revision == 1 }
  }

  /// Every tunnel, anew for each kind of RPC.
  static var allWithKinds: [(TestTunnel, RPCKind)] {
    RPCKind.allCases.flatMap { kind in Self.all.map { ($0, kind) } }
  }
}

extension TestTunnel {
  /// Opens the tunnel, and offers services through it to `body`.
  func run<Result: Sendable>(
    offering services: [any RegistrableRPCService],
    _ body: @Sendable (_ client: GRPCClient<ErasedClientTransport>) async throws -> Result
  ) async throws -> Result {
    let agents = ReverseTunnels(
      config: self.clientConfig,
      observability: self.clientObservability
    ) { _ in "agent" }
    let service = self.service(offering: services, agents)
    switch self.carrier {
    case .inMemory:
      return try await withGRPCServer(transport: self.pair.server, services: [service]) { _ in
        try await withGRPCClient(transport: self.pair.client) { network in
          try await self.open(over: network, services, agents, body)
        }
      }

    case .http2:
      return try await withGRPCServer(
        transport: .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .defaults {
            if self.compressesCarrier { $0.compression.enabledAlgorithms = .all }
          }
        ),
        services: [service]
      ) { server in
        guard let address = try await server.listeningAddress?.ipv4 else {
          throw RPCError(code: .internalError, message: "The server does not listen.")
        }
        return try await withGRPCClient(
          transport: try .http2NIOPosix(
            target: .ipv4(address: address.host, port: address.port),
            transportSecurity: .plaintext,
            config: .defaults {
              if self.compressesCarrier {
                $0.compression.algorithm = .gzip
                $0.compression.enabledAlgorithms = .all
              }
            }
          )
        ) { network in
          try await self.open(over: network, services, agents, body)
        }
      }

    case .tunnel:
      var outer = self
      outer.direction = outer.outerDirections.popLast() ?? self.direction
      outer.carrier = outer.outerDirections.isEmpty ? .inMemory : .tunnel
      outer.serverInterceptors = []
      outer.clientInterceptors = []
      outer.clientObservability = .none
      outer.serverObservability = .none
      return try await outer.run(offering: [service]) { network in
        try await self.open(over: network, services, agents, body)
      }
    }
  }

  private var clientConfig: TunnelConfig {
    var config = self.config
    config.maximumRevision = self.revision
    return config
  }

  private var serverConfig: TunnelConfig {
    var config = self.config
    config.maximumRevision = self.serverRevision ?? self.revision
    return config
  }

  private func service(
    offering services: [any RegistrableRPCService],
    _ agents: ReverseTunnels<String>
  ) -> TunnelService {
    switch self.direction {
    case .forward:
      TunnelService(
        services: services,
        interceptors: self.serverInterceptors,
        config: self.serverConfig,
        observability: self.serverObservability
      )
    case .reverse:
      TunnelService(reverseTunnels: agents)
    }
  }

  private func open<Result: Sendable>(
    over network: GRPCClient<some ClientTransport>,
    _ services: [any RegistrableRPCService],
    _ agents: ReverseTunnels<String>,
    _ body: @Sendable (_ client: GRPCClient<ErasedClientTransport>) async throws -> Result
  ) async throws -> Result {
    switch self.direction {
    case .forward:
      return try await withGRPCClient(
        transport: ErasedClientTransport(
          base: .tunnel(
            over: network,
            metadata: self.metadata,
            config: self.clientConfig,
            serviceConfig: self.serviceConfig,
            observability: self.clientObservability
          )
        ),
        interceptors: self.clientInterceptors,
        handleClient: body
      )
    case .reverse:
      return try await withGRPCServer(
        transport: .reverseTunnel(
          over: network,
          metadata: self.metadata,
          config: self.serverConfig,
          observability: self.serverObservability
        ),
        services: services,
        interceptors: self.serverInterceptors
      ) { _ in
        try await agents.waitUntilReady()
        return try await withGRPCClient(
          transport: ErasedClientTransport(
            base: ConfiguredClientTransport(
              base: agents.transport,
              serviceConfig: self.serviceConfig
            )
          ),
          interceptors: self.clientInterceptors,
          handleClient: body
        )
      }
    }
  }
}
