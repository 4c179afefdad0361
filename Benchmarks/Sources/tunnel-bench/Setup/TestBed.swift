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

internal import BenchmarkService
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel

/// A server in a process of its own, and clients that reach it in each mode with each settings.
struct TestBed: Sendable {
  /// A mode with settings.
  struct Variant: Hashable, Sendable {
    var mode: Mode
    var settings: TransportSettings
  }

  /// The clients, each with a connection of its own.
  let callers: [Variant: Caller]

  /// A client beside them, for questions to the server.
  let control: GRPCClient<HTTP2ClientTransport.Posix>

  /// Where direct RPCs are taken.
  let directPort: Int?

  /// Where tunnels can be opened, in either direction.
  let tunnelPorts: [Variant: Int]

  /// The network servers of this process, by the settings of their reverse tunnels.
  let listeners: [TransportSettings: ReverseListener]

  /// Builds everything, runs `body` with it, and takes everything down.
  ///
  /// - Parameters:
  ///   - variants: What clients there are.
  ///   - maximumStreams: The streams of a connection, and of a tunnel.
  ///   - roundTrip: The delay between the two ends, there and back; nil for none but that of the
  ///     machine, and no relay.
  static func with<Result: Sendable>(
    variants: [Variant],
    maximumStreams: Int = 1024,
    roundTrip: Duration? = nil,
    _ body: @Sendable (TestBed) async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      let relays = Relays(roundTrip: roundTrip)
      defer { relays.end() }
      var plan = ServerPlan()
      plan.maximumStreams = maximumStreams
      plan.listeners.append(ServerPlan.Listener(settings: .default, isForTunnels: false))
      for variant in variants where variant.mode != .reverse {
        plan.listeners.append(
          ServerPlan.Listener(
            settings: variant.settings,
            isForTunnels: variant.mode == .forward
          )
        )
      }
      let process = try ServerProcess(arguments: ["server", plan.argument])
      defer { process.end() }
      var ports = try await process.firstLine().split(separator: " ").compactMap { Int($0) }
      guard ports.count == plan.listeners.count else {
        throw RPCError(code: .internalError, message: "The server did not say where it listens.")
      }

      ports = [ports[0]] + (try await relays.ports(for: Array(ports.dropFirst())))

      let directPort = ports.removeFirst()
      let control = try Self.client(port: directPort, settings: .default)
      group.addTask { try await control.runConnections() }
      var callers: [Variant: Caller] = [:]
      var tunnelPorts: [Variant: Int] = [:]
      var listeners: [TransportSettings: ReverseListener] = [:]
      for variant in variants {
        let caller: Caller
        switch variant.mode {
        case .direct:
          let client = try Self.client(port: ports.removeFirst(), settings: variant.settings)
          group.addTask { try await client.runConnections() }
          caller = .direct(client)
        case .forward:
          let port = ports.removeFirst()
          tunnelPorts[variant] = port
          let network = try Self.client(port: port, settings: variant.settings)
          group.addTask { try await network.runConnections() }
          let config = variant.settings.tunnel(maximumStreams: maximumStreams)
          let client = GRPCClient(transport: .tunnel(over: network, config: config))
          group.addTask { try await client.runConnections() }
          caller = .forward(client)
        case .reverse:
          let listener = ReverseListener(
            settings: variant.settings,
            maximumStreams: maximumStreams
          )
          group.addTask { try await listener.run() }
          listeners[variant.settings] = listener
          let port = try await relays.ports(for: [listener.port])[0]
          tunnelPorts[variant] = port
          let order = DialOrder(
            settings: variant.settings,
            port: port,
            tunnels: 1,
            tunnelsPerConnection: 1
          )
          try await control.dial(order.bytes)
          try await listener.agents.waitUntilReady()
          let client = GRPCClient(transport: listener.agents.transport(forKey: "0"))
          group.addTask { try await client.runConnections() }
          caller = .reverse(client)
        }
        try await caller.waitUntilReady()
        callers[variant] = caller
      }
      let bed = TestBed(
        callers: callers,
        control: control,
        directPort: directPort,
        tunnelPorts: tunnelPorts,
        listeners: listeners
      )
      return try await body(bed)
    }
  }

  static func client(
    port: Int,
    settings: TransportSettings
  ) throws -> GRPCClient<HTTP2ClientTransport.Posix> {
    GRPCClient(
      transport: try .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: port),
        transportSecurity: .plaintext,
        config: settings.client
      )
    )
  }
}
