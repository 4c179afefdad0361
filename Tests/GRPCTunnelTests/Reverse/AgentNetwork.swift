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
internal import GRPCTunnelTestSupport

/// A registry on a server, and agents that dial it.
final class AgentNetwork: Sendable {
  let pair = CarrierPair()
  let events = ControlEvents()
  let agents: ReverseTunnels<String>
  private let calls = LockedValue<[String: Int]>([:])
  private let gone = LockedValue<TunnelID?>(nil)

  init(config: TunnelConfig = .patient) {
    self.agents = ReverseTunnels(keyHeader: "agent-id", config: config)
  }

  /// - Parameter agents: Has its keys from the header `agent-id`.
  init(agents: ReverseTunnels<String>) {
    self.agents = agents
  }

  static func run(
    config: TunnelConfig = .patient,
    _ body: @Sendable (AgentNetwork) async throws -> Void
  ) async throws {
    let network = AgentNetwork(config: config)
    try await network.serve { try await body(network) }
  }

  /// Runs the server.
  func serve(_ body: @Sendable () async throws -> Void) async throws {
    let service = TunnelService(reverseTunnels: self.agents)
    try await withGRPCServer(transport: self.pair.server, services: [service]) { _ in
      try await body()
    }
  }

  /// Runs an agent; `body` begins when its tunnel is ready.
  func withAgent(
    key: String,
    name: String,
    reconnect: TunnelReconnectPolicy = .tiny,
    _ body: @Sendable () async throws -> Void
  ) async throws {
    let known = Set(self.agents.tunnels.map { $0.tunnel.id })
    var events = self.agents.events.makeAsyncIterator()
    try await withGRPCClient(transport: self.pair.client) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(
          over: network,
          metadata: ["agent-id": .string(key)],
          config: .patient,
          reconnect: reconnect
        ),
        services: [ControlService(events: self.events)],
        interceptors: [CountingInterceptor { self.count(name) }]
      ) { _ in
        while case .some(let event) = await events.next() {
          if case .opened(let tunnel, key: _) = event, !known.contains(tunnel.id) {
            self.gone.withLock { $0 = tunnel.id }
            break
          }
        }
        try await body()
      }
    }
  }

  /// The tunnel that was opened last.
  var goneTunnel: TunnelID? {
    self.gone.withLock { $0 }
  }

  private func count(_ name: String) {
    self.calls.withLock { $0[name, default: 0] += 1 }
  }

  /// The RPCs that an agent has served.
  func count(of name: String) -> Int {
    self.calls.withLock { $0[name] ?? 0 }
  }
}

/// Tells of every RPC.
private struct CountingInterceptor: ServerInterceptor {
  let onRPC: @Sendable () -> Void

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    self.onRPC()
    return try await next(request, context)
  }
}
