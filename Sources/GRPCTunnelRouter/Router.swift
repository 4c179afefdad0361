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
package import Logging

/// Forwards RPCs to servers that cannot be reached: agents open reverse tunnels to one of its
/// addresses, callers make RPCs to the other, and the header ``keyHeader`` says which agent is
/// meant.
package final class Router: Sendable {
  /// The header with which an agent gives its key, and a caller names it. It is meant for the
  /// router, so it is not passed on to the server behind the agent.
  package static let keyHeader = "tunnel-key"

  private let config: RouterConfig
  private let logger: Logger
  private let security: RouterSecurity
  private let watcher: FileWatcher
  private let tunnels: ReverseTunnels<String>
  private let tunnelTransport: ReplaceableServerTransport
  private let tunnelServer: GRPCServer<SanitizedServerTransport<ReplaceableServerTransport>>
  private let callerTransport: ReplaceableServerTransport
  private let calls: OpenCalls
  private let shutdown: ShutdownRequest

  /// Creates a router that does not listen yet; reads the files of its configuration.
  ///
  /// - Throws: ``ConfigurationError`` when the configuration cannot be used.
  package init(config: RouterConfig, logger: Logger) async throws(ConfigurationError) {
    if !config.problems.isEmpty { throw ConfigurationError(config.problems) }
    let security = try await RouterSecurity(config: config)
    var tunnelConfig = TunnelConfig.defaults
    tunnelConfig.limits.maximumMessageSize = config.maximumMessageSize
    self.config = config
    self.logger = logger
    self.security = security
    self.watcher = FileWatcher(interval: config.reloadInterval, logger: logger)
    self.tunnels = ReverseTunnels(config: tunnelConfig) { request in
      try Self.register(request, security.access)
    }
    self.tunnelTransport = ReplaceableServerTransport(address: config.tunnelAddress) { descriptor in
      .http2NIOPosix(
        listeningSocketDescriptor: descriptor,
        transportSecurity: try security.tunnelListener.transportSecurity(),
        config: .tunnelDefaults
      )
    }
    self.tunnelServer = GRPCServer(
      transport: .sanitizing(self.tunnelTransport),
      services: [TunnelService(reverseTunnels: self.tunnels)]
    )
    self.callerTransport = ReplaceableServerTransport(address: config.callerAddress) { descriptor in
      .http2NIOPosix(
        listeningSocketDescriptor: descriptor,
        transportSecurity: try security.callerListener.transportSecurity(),
        config: .callers(maximumMessageSize: config.maximumMessageSize)
      )
    }
    self.calls = OpenCalls()
    self.shutdown = ShutdownRequest()
  }

  /// Checks the files that a configuration names, as far as a router that starts would.
  ///
  /// - Throws: ``ConfigurationError`` with everything that is wrong with them.
  package static func checkFiles(of config: RouterConfig) async throws(ConfigurationError) {
    _ = try await RouterSecurity(config: config)
  }

  // MARK: - Running

  /// Listens and forwards until ``beginGracefulShutdown()``, or until the task is cancelled. Run it
  /// once.
  ///
  /// - Throws: ``RouterError`` when it cannot listen on one of its addresses.
  package func run() async throws {
    let events = self.tunnels.events
    self.followFiles()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        await self.log(events)
        return false
      }
      group.addTask {
        await self.watcher.run()
        return false
      }
      group.addTask { await self.shutdown.wait(andThen: self.config.drainTimeout) }
      group.addTask {
        try await self.listen()
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
    // The tunnels stay for the RPCs that are open; they end after the callers' listener.
    self.callerTransport.beginGracefulShutdown()
  }

  /// Reads the files of the configuration that have changed.
  package func reload() async {
    await self.watcher.check()
  }

  private func listen() async throws {
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
    let config = RPCProxyConfig(maximumMessageSize: self.config.maximumMessageSize)
    let proxy = RPCProxy(config: config) { head throws(RPCError) in try self.route(&head) }
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

  /// The key of an agent that may register it.
  private static func register(
    _ request: TunnelRequest,
    _ access: AccessControl
  ) throws(RPCError) -> String {
    guard let key = request.metadata[stringValues: Self.keyHeader].first(where: { !$0.isEmpty })
    else {
      throw RPCError(
        code: .invalidArgument,
        message:
          "The tunnel was opened without the header '\(Self.keyHeader)', which holds its key."
      )
    }
    try access.checkAgent(
      request.metadata,
      certificate: Identity.names(in: request.transportSpecific),
      key: key
    )
    return key
  }

  // MARK: - Callers

  private func route(
    _ head: inout RPCRequestHead
  ) throws(RPCError) -> RPCDestination<ReverseTunnelClientTransport> {
    let access = self.security.access
    let certificate = Identity.names(in: head.context.transportSpecific)
    let original = head.metadata
    let method = head.descriptor
    let identity = try access.identifyCaller(&head.metadata, certificate: certificate)
    let key = try Self.takeKey(from: &head.metadata)
    try access.checkCall(by: identity, key: key, method: method)
    let upstream = self.tunnels.transport(forKey: key)
    guard self.config.callerSecurity.hasCredentials || self.config.accessRules != nil else {
      return RPCDestination(upstream)
    }
    let permit = self.calls.add { () throws(RPCError) in
      var metadata = original
      let identity = try access.identifyCaller(&metadata, certificate: certificate)
      try access.checkCall(by: identity, key: key, method: method)
    }
    return RPCDestination(upstream, permit: permit)
  }

  private static func takeKey(from metadata: inout Metadata) throws(RPCError) -> String {
    let keys = metadata[stringValues: Self.keyHeader].filter { !$0.isEmpty }
    metadata.removeAllValues(forKey: Self.keyHeader)
    guard let key = keys.first else {
      throw RPCError(
        code: .invalidArgument,
        message: "The header '\(Self.keyHeader)', which says where the RPC goes, is missing."
      )
    }
    guard keys.count == 1 else {
      throw RPCError(
        code: .invalidArgument,
        message: "There is more than one header '\(Self.keyHeader)'."
      )
    }
    return key
  }

  // MARK: - Changes of files

  private func followFiles() {
    let changes = RouterSecurity.Changes(
      agentAuthorities: {
        self.tunnelTransport.replace()
        self.logger.notice("agents get a new listener; the tunnels of the old one are drained")
      },
      callerAuthorities: {
        self.callerTransport.replace()
        self.logger.notice("callers get a new listener; the RPCs of the old one are drained")
      },
      rights: { self.enforceRights() }
    )
    self.security.watch(with: self.watcher, changes)
  }

  /// Ends what is open and not permitted any more.
  private func enforceRights() {
    for tunnel in self.tunnels.tunnels {
      do throws(RPCError) {
        try self.security.access.checkAgent(
          tunnel.tunnel.metadata,
          certificate: Identity.names(in: tunnel.tunnel.transportSpecific),
          key: tunnel.key
        )
      } catch {
        self.tunnels.close(tunnel.tunnel.id, reason: error)
      }
    }
    let count = self.calls.checkAll()
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

  /// Suspends until an agent serves under a key; throws when the task is cancelled.
  package func waitUntilReady(forKey key: String) async throws {
    try await self.tunnels.waitUntilReady(forKey: key)
  }

  // MARK: - Logging

  private func log(_ events: ReverseTunnelEvents<String>) async {
    for await event in events {
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
