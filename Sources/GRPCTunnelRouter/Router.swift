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
  private let tunnels: ReverseTunnels<String>
  private let tunnelServer: GRPCServer<SanitizedServerTransport<HTTP2ServerTransport.Posix>>
  private let callerTransport: HTTP2ServerTransport.Posix
  private let shutdown: ShutdownRequest

  /// Creates a router that does not listen yet; looks up its host names.
  ///
  /// - Throws: ``RouterError`` when the addresses cannot be used.
  package init(config: RouterConfig, logger: Logger) async throws(RouterError) {
    let (tunnelAddress, callerAddress) = (config.tunnelAddress, config.callerAddress)
    if let problem = config.problems.first { throw RouterError(problem) }
    var tunnelConfig = TunnelConfig.defaults
    tunnelConfig.limits.maximumMessageSize = config.maximumMessageSize
    self.config = config
    self.logger = logger
    self.tunnels = ReverseTunnels(keyHeader: Self.keyHeader, config: tunnelConfig)
    self.tunnelServer = GRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: try await tunnelAddress.resolved(),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: [TunnelService(reverseTunnels: self.tunnels)]
    )
    self.callerTransport = .http2NIOPosix(
      address: try await callerAddress.resolved(),
      transportSecurity: .plaintext,
      config: .callers(maximumMessageSize: config.maximumMessageSize)
    )
    self.shutdown = ShutdownRequest()
  }

  // MARK: - Running

  /// Listens and forwards until ``beginGracefulShutdown()``, or until the task is cancelled. Run it
  /// once.
  ///
  /// - Throws: ``RouterError`` when it cannot listen on one of its addresses.
  package func run() async throws {
    let events = self.tunnels.events
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        await self.log(events)
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

  private func listen() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await Self.listening(on: self.config.tunnelAddress) {
          try await self.tunnelServer.serve()
        }
      }
      if let address = await self.tunnelAddress {
        self.logger.info("listening for agents on \(address)")
        group.addTask {
          try await Self.listening(on: self.config.callerAddress) { try await self.serveCallers() }
          self.tunnelServer.beginGracefulShutdown()
        }
        if let address = await self.callerAddress {
          self.logger.info("listening for callers on \(address)")
        }
      }
      // One listener that fails ends the other.
      while try await group.next() != nil {}
    }
  }

  private func serveCallers() async throws {
    var config = RPCProxyConfig(maximumMessageSize: self.config.maximumMessageSize)
    config.isDraining = { self.shutdown.isMade }
    let proxy = RPCProxy(config: config) { metadata throws(RPCError) in
      self.tunnels.transport(forKey: try Self.takeKey(from: &metadata))
    }
    try await self.callerTransport.listen { stream, context in
      await proxy.forward(stream, context)
    }
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

  // MARK: - Addresses

  /// Where it listens for agents; suspends until it does, nil when that failed.
  package var tunnelAddress: NetworkAddress? {
    get async {
      try? await NetworkAddress(self.tunnelServer.transport.listeningAddress)
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
