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
internal import GRPCTunnelAdmin
internal import GRPCTunnelNIO
package import Logging

/// Makes servers reachable through routers: opens a reverse tunnel for each key to each router, and
/// forwards the RPCs that come through it to the servers.
package final class Agent: Sendable {
  private let config: AgentConfig
  private let security: AgentSecurity
  private let watcher: FileWatcher
  private let routers: RouterDirectory
  private let upstreams: [Upstream]
  private let offers: [AgentOffer]
  private let logger: Logger
  private let shutdown: ShutdownRequest
  private let admin: (source: AgentAdmin, listener: AdminListener)?

  /// Creates an agent that has not connected; reads the files of its configuration.
  ///
  /// - Throws: ``ConfigurationError`` when the configuration cannot be used.
  package init(config: AgentConfig, logger: Logger) async throws(ConfigurationError) {
    if !config.problems.isEmpty { throw ConfigurationError(config.problems) }
    let security = try await AgentSecurity(config: config)
    let adminListener = try await Self.adminListener(config)
    // Routers, or the health of servers, have changed.
    let changes = ChangeSignal()
    let routers = RouterDirectory(
      config.routers,
      interval: config.lookUpInterval,
      logger: logger
    ) {
      changes.happen()
    }
    let keys = config.upstreamsByKey
    var upstreams: [UpstreamAddress: Upstream] = [:]
    do {
      for address in Set(keys.values.flatMap(\.values)) {
        upstreams[address] = try Self.makeUpstream(address, config, security, logger, changes)
      }
    } catch {
      throw ConfigurationError(
        ["cannot set up the agent's connections: \(SystemError.text(error))"]
      )
    }
    self.config = config
    self.security = security
    self.watcher = FileWatcher(interval: config.reloadInterval, logger: logger)
    self.routers = routers
    self.upstreams = Array(upstreams.values)
    let offers = keys.map { key, addresses in
      AgentOffer(
        key: key,
        upstreams: addresses.compactMapValues { upstreams[$0] },
        changes: changes,
        routers: routers
      ) { endpoints in
        Self.makeTunnels(
          to: endpoints,
          key: key,
          services: config.announcesServices ? addresses.keys.compactMap { $0 } : [],
          config,
          security,
          TunnelObservability(logger: logger, metrics: adminListener?.metrics)
        )
      }
    }
    self.offers = offers
    self.logger = logger
    let shutdown = ShutdownRequest()
    self.shutdown = shutdown
    self.admin = adminListener.map { listener in
      let source = AgentAdmin(
        offers: offers,
        configuration: config.admin?.settings ?? ""
      ) { shutdown.isMade }
      return (source, listener)
    }
  }

  private static func adminListener(
    _ config: AgentConfig
  ) async throws(ConfigurationError) -> AdminListener? {
    guard let admin = config.admin else { return nil }
    return try await AdminListener(.agent, admin, certificate: nil)
  }

  private static func makeUpstream(
    _ address: UpstreamAddress,
    _ config: AgentConfig,
    _ security: AgentSecurity,
    _ logger: Logger,
    _ changes: ChangeSignal
  ) throws -> Upstream {
    let health = UpstreamHealth(
      of: address,
      interval: config.healthCheckInterval,
      logger: logger
    ) {
      changes.happen()
    }
    return try Upstream(address, health: health) {
      // Room for the 1,000 RPCs that may be open in a tunnel.
      try PooledClientTransport(count: 10, maximumStreams: 100) {
        try .http2NIOPosix(
          target: address.target,
          transportSecurity: try security.upstream.transportSecurity(),
          config: .upstream(
            serverName: security.upstream.serverName,
            maximumMessageSize: config.maximumMessageSize
          )
        )
      }
    }
  }

  private static func makeTunnels(
    to routers: AsyncStream<Set<RouterEndpoint>>,
    key: String,
    services: [String],
    _ config: AgentConfig,
    _ security: AgentSecurity,
    _ observability: TunnelObservability
  ) -> ReverseTunnelServerTransport {
    var tunnelConfig = TunnelConfig.defaults
    tunnelConfig.limits.maximumMessageSize = RPCProxyConfig.tunnelLimit(
      forMessagesOf: config.maximumMessageSize
    )
    tunnelConfig.timeouts.drain = config.drainTimeout
    var metadata: Metadata = [Router.keyHeader: .string(key)]
    if !services.isEmpty {
      metadata.addString(
        services.sorted().joined(separator: ","),
        forKey: AgentRegistration.servicesHeader
      )
    }
    return ReverseTunnelServerTransport(
      to: routers,
      metadata: metadata,
      config: tunnelConfig,
      reconnect: .agent,
      observability: observability
    ) { router in
      GRPCClient(
        transport: try .http2NIOPosix(
          target: router.address.target,
          transportSecurity: try security.router.transportSecurity(),
          config: .tunnelDefaults { $0.http2.authority = security.router.serverName ?? router.name }
        ),
        interceptors: [security.authorization]
      )
    }
  }

  /// Checks the files that a configuration names, as far as an agent that starts would.
  ///
  /// - Throws: ``ConfigurationError`` with everything that is wrong with them.
  package static func checkFiles(of config: AgentConfig) async throws(ConfigurationError) {
    _ = try await AgentSecurity(config: config)
    _ = try await self.adminListener(config)
  }

  /// Connects, and forwards until ``beginGracefulShutdown()``, or until the task is cancelled. What
  /// cannot be reached is tried again. Run it once.
  ///
  /// - Parameter onReady: Called when it has begun to connect; whom it reaches is nothing that its own
  ///   start waits for.
  /// - Throws: ``RouterError`` when there is no router at any of the routers' addresses.
  package func run(onReady: () -> Void = {}) async throws {
    for (key, addresses) in self.config.upstreamsByKey {
      let servers = addresses.map { service, address in
        service.map { "\(address) for \($0)" } ?? "\(address)"
      }
      self.logger.info(
        "offering \(servers.sorted().joined(separator: ", ")) as '\(key)' at \(self.targets)"
      )
    }
    self.security.watch(with: self.watcher) {
      for upstream in self.upstreams {
        try upstream.replaceConnections()
      }
    }
    self.admin?.listener.watch(with: self.watcher)
    onReady()
    // Not cut before the tunnels are, which have the drain timeout.
    try await self.services.run(
      until: self.shutdown,
      timeout: self.config.drainTimeout + .seconds(5)
    ) {
      try await self.serve()
    }
  }

  /// What runs beside the tunnels.
  private var services: BackgroundServices {
    var services = BackgroundServices()
    for upstream in self.upstreams {
      services.add { await upstream.run() }
    }
    services.add { await self.routers.run() }
    services.add { await self.watcher.run() }
    if let admin = self.admin {
      services.add { try await admin.listener.run(admin.source, self.logger) }
    }
    return services
  }

  /// Takes no more RPCs; ``run()`` returns when those that are open have ended, or the drain
  /// timeout has passed. May be called at any time, repeatedly.
  package func beginGracefulShutdown() {
    self.shutdown.make()
    for offer in self.offers {
      offer.beginGracefulShutdown()
    }
  }

  /// Where it tells about itself; suspends until it does, nil when it does not, or that failed.
  package var adminAddress: NetworkAddress? {
    get async {
      await self.admin?.listener.address
    }
  }

  /// Reads the files of the configuration that have changed.
  package func reload() async {
    await self.watcher.check()
  }

  private func serve() async throws {
    let config = RPCProxyConfig(hop: "agent", maximumMessageSize: self.config.maximumMessageSize)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for offer in self.offers {
        group.addTask {
          do {
            try await offer.run(config) { self.shutdown.isMade }
          } catch {
            if Task.isCancelled { return }
            throw RouterError("cannot offer '\(offer.key)' at \(self.targets)", cause: error)
          }
        }
      }
      // One that fails ends the others.
      while try await group.next() != nil {}
    }
  }

  private var targets: String {
    self.config.routers.map(\.description).joined(separator: ", ")
  }
}

extension TunnelReconnectPolicy {
  /// Up to 1 s at first and 10 s at most: people wait for an agent to come back.
  fileprivate static var agent: TunnelReconnectPolicy {
    var policy = TunnelReconnectPolicy.defaults
    policy.backoff.maximum = .seconds(10)
    return policy
  }
}
