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

/// Offers the interop service at several network servers. On SIGTERM it drains its tunnels.
struct RestartReverseServer: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Open reverse tunnels and serve calls on them until SIGTERM.")
  }

  static let nameHeader = "agent-name"

  @Option(help: "A server to dial, HOST:PORT with an IPv4 address. May be repeated.")
  var target: [Target]

  @Option(help: "The key under which the network servers know it.")
  var key: String

  @Option(help: "The name of this process.")
  var name: String

  @Option(help: "The file that gets the id of each RPC whose handler runs.")
  var records: String

  func run() async throws {
    let recorder = RestartExecutionRecorder(records: try RestartRecords(path: self.records))
    let (targets, continuation) = AsyncStream.makeStream(of: Set<Target>.self)
    continuation.yield(Set(self.target))
    continuation.finish()
    try await withGRPCServer(
      transport: ReverseTunnelServerTransport(
        to: targets,
        metadata: ["agent-id": .string(self.key), Self.nameHeader: .string(self.name)],
        reconnect: TunnelReconnectPolicy(backoff: Self.backoff)
      ) { target in
        GRPCClient(
          transport: try .http2NIOPosix(
            target: target.ipv4,
            transportSecurity: .plaintext,
            config: .tunnelDefaults
          )
        )
      },
      services: [InteropService()],
      interceptors: [recorder]
    ) { _ in
      await terminationSignal()
      report("shutting down")
    }
    report("ended")
  }

  /// A server that restarts is back within a second or so.
  private static var backoff: TunnelBackoff {
    var backoff = TunnelBackoff.defaults
    backoff.initial = .milliseconds(200)
    backoff.maximum = .seconds(1)
    return backoff
  }
}
