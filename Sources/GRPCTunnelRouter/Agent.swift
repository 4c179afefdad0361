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

/// Makes a server reachable through a router: opens a reverse tunnel to the router, and forwards
/// the RPCs that come through it to the server.
package final class Agent: Sendable {
  private let config: AgentConfig
  private let network: GRPCClient<HTTP2ClientTransport.Posix>
  private let upstream: PooledClientTransport<HTTP2ClientTransport.Posix>
  private let tunnel: ReverseTunnelServerTransport
  private let health: UpstreamHealth
  private let logger: Logger
  private let shutdown: ShutdownRequest

  /// Creates an agent that has not connected.
  ///
  /// - Throws: ``RouterError`` when the connections cannot be set up.
  package init(config: AgentConfig, logger: Logger) throws(RouterError) {
    let network: HTTP2ClientTransport.Posix
    let upstream: PooledClientTransport<HTTP2ClientTransport.Posix>
    do {
      network = try .http2NIOPosix(
        target: config.router.target,
        transportSecurity: .plaintext,
        config: .tunnelDefaults
      )
      // Room for the 1,000 RPCs that may be open in the tunnel.
      upstream = try PooledClientTransport(count: 10, maximumStreams: 100) {
        try .http2NIOPosix(
          target: config.upstream.target,
          transportSecurity: .plaintext,
          config: .upstream
        )
      }
    } catch {
      throw RouterError("cannot set up the agent's connections", cause: error)
    }
    var tunnelConfig = TunnelConfig.defaults
    tunnelConfig.limits.maximumMessageSize = config.maximumMessageSize
    tunnelConfig.timeouts.drain = config.drainTimeout
    var tunnelLogger = logger
    tunnelLogger[metadataKey: "router"] = "\(config.router)"

    self.config = config
    self.network = GRPCClient(transport: network)
    self.upstream = upstream
    self.tunnel = .reverseTunnel(
      over: self.network,
      metadata: [Router.keyHeader: .string(config.key)],
      config: tunnelConfig,
      reconnect: .agent,
      observability: TunnelObservability(logger: tunnelLogger)
    )
    self.health = UpstreamHealth(address: config.upstream, logger: logger)
    self.logger = logger
    self.shutdown = ShutdownRequest()
  }

  /// Connects, and forwards until ``beginGracefulShutdown()``, or until the task is cancelled. What
  /// cannot be reached is tried again. Run it once.
  ///
  /// - Throws: ``RouterError`` when there is no router at the router's address.
  package func run() async throws {
    self.logger.info(
      "offering \(self.config.upstream) as '\(self.config.key)' at \(self.config.router)"
    )
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        // Returns once it is shut down; no error of a connection gets here.
        try? await self.network.runConnections()
        return false
      }
      group.addTask {
        try? await self.upstream.connect()
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
    self.tunnel.beginGracefulShutdown()
  }

  private func serve() async throws {
    var config = RPCProxyConfig(maximumMessageSize: self.config.maximumMessageSize)
    config.isDraining = { self.shutdown.isMade }
    config.unreachable = { self.health.unreachable($0) }
    config.reached = { self.health.reached() }
    let proxy = RPCProxy(config: config) { _ throws(RPCError) in self.upstream }
    do {
      try await self.tunnel.listen { stream, context in
        await proxy.forward(stream, context)
      }
    } catch {
      if Task.isCancelled { return }
      throw RouterError("cannot offer a server at \(self.config.router)", cause: error)
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
