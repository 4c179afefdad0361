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

/// Makes a server reachable through routers: opens a reverse tunnel to each router, and forwards the
/// RPCs that come through it to the server.
package final class Agent: Sendable {
  private let config: AgentConfig
  private let security: AgentSecurity
  private let watcher: FileWatcher
  private let upstream: PooledClientTransport<HTTP2ClientTransport.Posix>
  private let tunnels: ReverseTunnelServerTransport
  private let health: UpstreamHealth
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
    do {
      // Room for the 1,000 RPCs that may be open in the tunnel.
      self.upstream = try PooledClientTransport(count: 10, maximumStreams: 100) {
        try .http2NIOPosix(
          target: config.upstream.target,
          transportSecurity: try security.upstream.transportSecurity(),
          config: .upstream(
            serverName: security.upstream.serverName,
            maximumMessageSize: config.maximumMessageSize
          )
        )
      }
    } catch {
      throw ConfigurationError(["cannot set up the agent's connections: \(SystemError.text(error))"]
      )
    }
    var tunnelConfig = TunnelConfig.defaults
    tunnelConfig.limits.maximumMessageSize = RPCProxyConfig.tunnelLimit(
      forMessagesOf: config.maximumMessageSize
    )
    tunnelConfig.timeouts.drain = config.drainTimeout

    self.config = config
    self.security = security
    self.watcher = FileWatcher(interval: config.reloadInterval, logger: logger)
    // The set of routers stays as it is.
    let (routers, continuation) = AsyncStream.makeStream(of: Set<NetworkAddress>.self)
    continuation.yield(Set(config.routers))
    continuation.finish()
    self.tunnels = ReverseTunnelServerTransport(
      to: routers,
      metadata: [Router.keyHeader: .string(config.key)],
      config: tunnelConfig,
      reconnect: .agent,
      observability: TunnelObservability(logger: logger, metrics: adminListener?.metrics)
    ) { router in
      GRPCClient(
        transport: try .http2NIOPosix(
          target: router.target,
          transportSecurity: try security.router.transportSecurity(),
          config: .tunnelDefaults { $0.http2.authority = security.router.serverName }
        ),
        interceptors: [security.authorization]
      )
    }
    self.health = UpstreamHealth(address: config.upstream, logger: logger)
    self.logger = logger
    let shutdown = ShutdownRequest()
    self.shutdown = shutdown
    let tunnels = self.tunnels
    self.admin = adminListener.map { listener in
      let source = AgentAdmin(
        tunnels: tunnels,
        key: config.key,
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
  /// - Throws: ``RouterError`` when there is no router at any of the routers' addresses.
  package func run() async throws {
    let routers = self.config.routers.map(\.description).joined(separator: ", ")
    self.logger.info("offering \(self.config.upstream) as '\(self.config.key)' at \(routers)")
    self.security.watch(with: self.watcher)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        // Returns once it is shut down; no error of a connection gets here.
        try? await self.upstream.connect()
        return false
      }
      if let admin = self.admin {
        admin.listener.watch(with: self.watcher)
        group.addTask {
          try await admin.listener.run(admin.source, self.logger)
          return false
        }
      }
      group.addTask {
        await self.watcher.run()
        return false
      }
      group.addTask { await self.shutdown.wait(andThen: self.config.drainTimeout + .seconds(5)) }
      group.addTask {
        try await self.serve()
        return true
      }
      while let isOver = try await group.next() {
        if isOver { group.cancelAll() }
      }
    }
  }

  /// Takes no more RPCs; ``run()`` returns when those that are open have ended, or the drain
  /// timeout has passed. May be called at any time, repeatedly.
  package func beginGracefulShutdown() {
    self.shutdown.make()
    self.tunnels.beginGracefulShutdown()
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
    var config = RPCProxyConfig(hop: "agent", maximumMessageSize: self.config.maximumMessageSize)
    config.unreachable = { self.health.unreachable($0) }
    config.reached = { self.health.reached() }
    let proxy = RPCProxy(config: config) { _ throws(RPCError) in RPCDestination(self.upstream) }
    do {
      try await self.tunnels.listen { stream, context in
        await proxy.forward(stream, context) { self.shutdown.isMade }
      }
    } catch {
      if Task.isCancelled { return }
      let routers = self.config.routers.map(\.description).joined(separator: ", ")
      throw RouterError("cannot offer a server at \(routers)", cause: error)
    }
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
