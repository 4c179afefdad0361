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
internal import GRPCTunnelNIO

/// The server's side of everything that is measured, in a process of its own.
struct BenchmarkServer: Sendable {
  let plan: ServerPlan

  /// Runs until the task is cancelled.
  ///
  /// - Parameter listening: Called with the ports of the plan's listeners, in their order.
  func run(listening: @Sendable ([Int]) async throws -> Void) async throws {
    let (orders, continuation) = AsyncStream.makeStream(of: DialOrder.self)
    let service = BenchmarkService(dial: { continuation.yield(try DialOrder(bytes: $0)) })
    try await withThrowingDiscardingTaskGroup { group in
      var ports: [Int] = []
      for listener in self.plan.listeners {
        let transport = HTTP2ServerTransport.Posix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: listener.settings.server(maximumStreams: self.plan.maximumStreams)
        )
        if listener.isForTunnels {
          let server = GRPCServer(
            transport: .sanitizing(transport),
            services: [
              TunnelService(
                services: [service],
                config: listener.settings.tunnel(maximumStreams: self.plan.maximumStreams)
              )
            ]
          )
          group.addTask { try await server.serve() }
        } else {
          let server = GRPCServer(transport: transport, services: [service])
          group.addTask { try await server.serve() }
        }
        ports.append(try await transport.listeningPort)
      }
      try await listening(ports)
      for await order in orders {
        group.addTask { try await self.open(order, service) }
      }
    }
  }

  private func open(_ order: DialOrder, _ service: BenchmarkService) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      var count = 0
      while count < order.tunnels {
        let network = try TestBed.client(port: order.port, settings: order.settings)
        group.addTask { try await network.runConnections() }
        for _ in 0 ..< min(order.tunnelsPerConnection, order.tunnels - count) {
          let server = GRPCServer(
            transport: .reverseTunnel(
              over: network,
              metadata: [DialOrder.keyHeader: "\(order.firstKey + count)"],
              config: order.settings.tunnel(maximumStreams: self.plan.maximumStreams)
            ),
            services: [service]
          )
          group.addTask { try await server.serve() }
          count += 1
        }
        // Thousands at once would overrun the listener's queue.
        if count.isMultiple(of: 100) { try await Task.sleep(for: .milliseconds(20)) }
      }
    }
  }
}

extension HTTP2ServerTransport.Posix {
  /// The port that the system chose.
  var listeningPort: Int {
    get async throws {
      guard let port = try await self.listeningAddress.ipv4?.port else {
        throw RPCError(code: .internalError, message: "The server has no IPv4 address.")
      }
      return port
    }
  }
}
