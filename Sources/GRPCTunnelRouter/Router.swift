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

/// Forwards RPCs to servers that cannot be reached: agents open reverse tunnels to one of its
/// addresses, callers make RPCs to the other, and ``RoutingConfig`` says which agent is meant.
package final class Router: Sendable {
  /// The header with which an agent gives its key, and a caller names it. It is meant for the
  /// router, so it is not passed on to the server behind the agent.
  package static let keyHeader = "tunnel-key"

  private let config: RouterConfig
  private let logger: Logger
  private let security: RouterSecurity
  private let watcher: FileWatcher
  private let tunnels: ReverseTunnels<String>
  private let routing: CallerRouting
  private let tunnelTransport: ReplaceableServerTransport
  private let tunnelServer: GRPCServer<SanitizedServerTransport<ReplaceableServerTransport>>
  private let callerTransport: ReplaceableServerTransport
  private let shutdown: ShutdownRequest
  private let admin: (source: RouterAdmin, listener: AdminListener)?

  /// Creates a router that does not listen yet; reads the files of its configuration.
  ///
  /// - Throws: ``ConfigurationError`` when the configuration cannot be used.
  package init(config: RouterConfig, logger: Logger) async throws(ConfigurationError) {
    if !config.problems.isEmpty { throw ConfigurationError(config.problems) }
    let security = try await RouterSecurity(config: config)
    let adminListener = try await Self.adminListener(config, security)
    var tunnelConfig = TunnelConfig.defaults
    tunnelConfig.limits.maximumMessageSize = RPCProxyConfig.tunnelLimit(
      forMessagesOf: config.maximumMessageSize
    )
    tunnelConfig.timeouts.drain = config.drainTimeout
    tunnelConfig.limits.maximumTunnelsPerKey = config.routing.maximumTunnelsPerKey
    let announced = LockedValue(AnnouncedServices<TunnelID>())
    self.config = config
    self.logger = logger
    self.security = security
    self.watcher = FileWatcher(interval: config.reloadInterval, logger: logger)
    self.tunnels = ReverseTunnels(
      config: tunnelConfig,
      observability: TunnelObservability(metrics: adminListener?.metrics)
    ) { tunnel, key in
      // Once more: what it may do can have changed between its registration and now, and from now on
      // the tunnel is among those that such a change looks at.
      let registration = try Self.checkAgent(tunnel, security.access)
      announced.withLock { $0.add(tunnel.id, key: key, services: registration.services) }
    } onClose: { tunnel, _, _ in
      announced.withLock { $0.remove(tunnel.id) }
    } key: { request in
      try Self.checkAgent(request.metadata, request.transportSpecific, security.access).key
    }
    self.routing = CallerRouting(
      config: config.routing,
      access: security.access,
      tunnels: self.tunnels,
      announced: announced
    )
    self.tunnelTransport = ReplaceableServerTransport(address: config.tunnelAddress) { descriptor in
      .http2NIOPosix(
        listeningSocketDescriptor: descriptor,
        transportSecurity: try security.tunnelListener.transportSecurity(),
        config: .tunnelDefaults { $0.connection.maxGraceTime = config.drainTimeout }
      )
    } onReplacement: { error in
      Self.log(error, listenerFor: "agents", of: config.tunnelAddress, logger)
    }
    self.tunnelServer = GRPCServer(
      transport: .sanitizing(self.tunnelTransport),
      services: [TunnelService(reverseTunnels: self.tunnels)]
    )
    self.callerTransport = ReplaceableServerTransport(address: config.callerAddress) { descriptor in
      .http2NIOPosix(
        listeningSocketDescriptor: descriptor,
        transportSecurity: try security.callerListener.transportSecurity(),
        config: .callers(
          maximumMessageSize: config.maximumMessageSize,
          drainTimeout: config.drainTimeout
        )
      )
    } onReplacement: { error in
      Self.log(error, listenerFor: "callers", of: config.callerAddress, logger)
    }
    self.shutdown = ShutdownRequest()
    let tunnels = self.tunnels
    self.admin = adminListener.map { listener in
      let settings = config.admin?.settings ?? ""
      let source = RouterAdmin(tunnels: tunnels, configuration: settings) { tunnel in
        security.access.nameOfAgent(
          tunnel.metadata,
          certificate: Identity.names(in: tunnel.transportSpecific)
        )
      }
      return (source, listener)
    }
  }

  private static func adminListener(
    _ config: RouterConfig,
    _ security: RouterSecurity
  ) async throws(ConfigurationError) -> AdminListener? {
    guard let admin = config.admin else { return nil }
    return try await AdminListener(.router, admin, certificate: security.callerCertificate)
  }

  /// Checks the files that a configuration names, as far as a router that starts would.
  ///
  /// - Throws: ``ConfigurationError`` with everything that is wrong with them.
  package static func checkFiles(of config: RouterConfig) async throws(ConfigurationError) {
    _ = try await self.adminListener(config, RouterSecurity(config: config))
  }

  // MARK: - Running

  /// Listens and forwards until ``beginGracefulShutdown()``, or until the task is cancelled. Run it
  /// once.
  ///
  /// - Parameter onReady: Called when it listens on both addresses.
  /// - Throws: ``RouterError`` when it cannot listen on one of its addresses.
  package func run(onReady: @escaping @Sendable () -> Void = {}) async throws {
    self.followFiles()
    self.admin?.listener.watch(with: self.watcher)
    try await self.services.run(until: self.shutdown, timeout: self.config.drainTimeout) {
      try await self.listen(onReady)
    }
  }

  /// What runs beside the listeners.
  private var services: BackgroundServices {
    let events = self.tunnels.events
    var services = BackgroundServices()
    services.add { await self.log(events) }
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
    self.admin?.source.drains()
    // The tunnels stay for the RPCs that are open; they end after the callers' listener.
    self.callerTransport.beginGracefulShutdown()
  }

  /// Reads the files of the configuration that have changed.
  package func reload() async {
    await self.watcher.check()
  }

  private func listen(_ onReady: @Sendable () -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await Self.listening(on: self.config.tunnelAddress) {
          try await self.tunnelServer.serve()
        }
      }
      if let address = await self.tunnelAddress {
        self.logger.info(
          "listening for agents on \(address)\(self.note(self.config.tunnelSecurity))"
        )
        group.addTask {
          try await Self.listening(on: self.config.callerAddress) { try await self.serveCallers() }
          self.tunnelServer.beginGracefulShutdown()
        }
        if let address = await self.callerAddress {
          self.logger.info(
            "listening for callers on \(address)\(self.note(self.config.callerSecurity))"
          )
          self.admin?.source.started()
          onReady()
        }
      }
      // One listener that fails ends the other.
      while try await group.next() != nil {}
    }
  }

  private func note(_ security: ListenerSecurity) -> String {
    switch (security.certificate, security.hasCredentials) {
    case (.some, true): ""
    case (.some, false): ", which lets everyone in"
    case (.none, true): ", not encrypted"
    case (.none, false): ", not encrypted, which lets everyone in"
    }
  }

  private func serveCallers() async throws {
    let config = RPCProxyConfig(hop: "router", maximumMessageSize: self.config.maximumMessageSize)
    let proxy = RPCProxy(config: config) { head throws(RPCError) in
      try self.routing.route(&head)
    }
    try await self.callerTransport.listen { stream, context, isDraining in
      await proxy.forward(stream, context, isDraining: isDraining)
    }
  }

  private static func listening(
    on address: NetworkAddress,
    _ listen: () async throws -> Void
  ) async throws {
    do {
      try await listen()
    } catch {
      if Task.isCancelled { return }
      throw RouterError("cannot listen on \(address)", cause: error)
    }
  }

  // MARK: - Agents

  /// Checks that an agent may do what it says.
  private static func checkAgent(
    _ metadata: Metadata,
    _ transportSpecific: (any ServerContext.TransportSpecific)?,
    _ access: AccessControl
  ) throws(RPCError) -> AgentRegistration {
    let registration = try AgentRegistration(metadata)
    let certificate = Identity.names(in: transportSpecific)
    try access.checkAgent(metadata, certificate: certificate, registration)
    return registration
  }

  private static func checkAgent(
    _ tunnel: TunnelInformation,
    _ access: AccessControl
  ) throws(RPCError) -> AgentRegistration {
    try Self.checkAgent(tunnel.metadata, tunnel.transportSpecific, access)
  }

  // MARK: - Changes of files

  private func followFiles() {
    let changes = RouterSecurity.Changes(
      agentAuthorities: { self.tunnelTransport.replace() },
      callerAuthorities: { self.callerTransport.replace() },
      rights: { self.enforceRights() }
    )
    self.security.watch(with: self.watcher, changes)
  }

  /// Ends what is open and not permitted any more.
  private func enforceRights() {
    for tunnel in self.tunnels.tunnels {
      do throws(RPCError) {
        _ = try Self.checkAgent(tunnel.tunnel, self.security.access)
      } catch {
        self.tunnels.close(tunnel.tunnel.id, reason: error)
      }
    }
    let count = self.routing.enforceRights()
    if count > 0 {
      self.logger.notice("ended \(count) RPCs whose callers may not make them any more")
    }
  }

  // MARK: - Addresses

  /// Where it listens for agents; suspends until it does, nil when that failed.
  package var tunnelAddress: NetworkAddress? {
    get async {
      try? await NetworkAddress(self.tunnelTransport.listeningAddress)
    }
  }

  /// Where it listens for callers; suspends until it does, nil when that failed.
  package var callerAddress: NetworkAddress? {
    get async {
      try? await NetworkAddress(self.callerTransport.listeningAddress)
    }
  }

  /// Where it tells about itself; suspends until it does, nil when it does not, or that failed.
  package var adminAddress: NetworkAddress? {
    get async {
      await self.admin?.listener.address
    }
  }

  /// Suspends until an agent serves under a key; throws when the task is cancelled.
  package func waitUntilReady(forKey key: String) async throws {
    try await self.tunnels.waitUntilReady(forKey: key)
  }

  // MARK: - Logging

  private static func log(
    _ error: (any Error)?,
    listenerFor peers: String,
    of address: NetworkAddress,
    _ logger: Logger
  ) {
    if let error {
      let reason = SystemError.text(error)
      logger.error("cannot replace the listener for \(peers) on \(address): \(reason)")
    } else {
      logger.notice("\(peers) have a new listener; what is open on the old one is drained")
    }
  }

  private func log(_ events: ReverseTunnelEvents<String>) async {
    for await event in events {
      self.admin?.source.note(event)
      switch event {
      case .opened(let tunnel, let key):
        self.logger.info("agent '\(key)' connected from \(tunnel.remotePeer) (\(tunnel.id))")
      case .draining(let tunnel, let key, let side):
        let drainer = side == .local ? "is drained" : "drains"
        self.logger.info("agent '\(key)' from \(tunnel.remotePeer) (\(tunnel.id)) \(drainer)")
      case .closed(let tunnel, let key, let closure):
        let reason = closure.error.map { "lost: \($0.message)" } ?? "disconnected"
        self.logger.info("agent '\(key)' from \(tunnel.remotePeer) (\(tunnel.id)) \(reason)")
      case .missed(let count):
        self.logger.warning("\(count) agents came or went too fast to be logged")
      }
    }
  }
}
