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

internal import ArgumentParser
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelNIO

/// Gathers reverse tunnels and calls through those of one key, all the time.
///
/// On SIGTERM it makes no more RPCs, and shuts down gracefully while some go on: the drain must let
/// them end.
struct RestartNetworkServer: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Accept reverse tunnels and call through them until SIGTERM.")
  }

  @Option(help: "The port to listen on.")
  var port: Int

  @Option(help: "The key of the reverse servers to call.")
  var key: String

  @Option(help: "The beginning of the ids of this process's RPCs.")
  var name: String

  @Option(help: "How many RPCs are open at a time.")
  var concurrency: Int

  @Option(help: "The file that gets a line for each RPC.")
  var records: String

  func run() async throws {
    let agents = ReverseTunnels(keyHeader: "agent-id")
    let events = agents.events
    let server = GRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: self.port),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: [TunnelService(reverseTunnels: agents)]
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await event in events {
          switch event {
          case .opened(let tunnel, _): report("opened \(tunnel.agentName)")
          case .draining(let tunnel, _, let side): report("draining \(tunnel.agentName) (\(side))")
          case .closed(let tunnel, _, let closure): report("closed \(tunnel.agentName): \(closure)")
          case .missed(let count): report("missed \(count) events")
          }
        }
      }
      group.addTask { try await server.serve() }
      try await withGRPCClient(transport: agents.transport(forKey: self.key)) { client in
        try await within(.seconds(60)) { try await agents.waitUntilReady(forKey: self.key) }
        try await self.call(client) { server.beginGracefulShutdown() }
      }
      // The server has ended before the events do, which end with their task.
      try await group.next()
      group.cancelAll()
    }
    report("ended")
  }

  private func call(
    _ client: GRPCClient<ReverseTunnelClientTransport>,
    shutDown: () -> Void
  ) async throws {
    let load = RestartLoad(
      stub: Interop_Interop.Client(wrapping: client),
      name: self.name,
      gate: RestartGate(),
      records: try RestartRecords(path: self.records)
    )
    await withTaskGroup(of: Void.self) { group in
      for worker in 0 ..< self.concurrency {
        group.addTask { await load.run(worker: worker) }
      }
      report("calling")
      await terminationSignal()
      await load.gate.close()
      report("shutting down with \(load.gate.runningCount) RPCs")
      shutDown()
      await group.waitForAll()
    }
  }
}

extension TunnelInformation {
  fileprivate var agentName: String {
    self.metadata[stringValues: RestartReverseServer.nameHeader].first { _ in true } ?? "-"
  }
}
