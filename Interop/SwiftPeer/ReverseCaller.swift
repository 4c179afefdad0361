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

/// Waits for the reverse tunnel of the agent `python` and checks the service at its other end.
struct ReverseCaller: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Accept a reverse tunnel and run the checks on it.")
  }

  @Option(help: "The port to listen on.")
  var port: Int

  @Option(help: "The checks to run.")
  var checks = CheckGroup.standard

  func run() async throws {
    let checks = self.checks
    let agents = ReverseTunnels(keyHeader: "agent-id", config: checks.config)
    let passed = try await withGRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: self.port),
        transportSecurity: .plaintext
      ),
      services: [TunnelService(services: [], reverseTunnels: agents)]
    ) { _ in
      report("listening on port \(self.port)")
      try await within(.seconds(30)) { try await agents.waitUntilReady(forKey: "python") }
      return try await withGRPCClient(transport: agents.transport(forKey: "python")) { client in
        await Checks(client: client, peerIsPython: true, messageLimit: checks.maximumMessageSize)
          .run(checks)
      }
    }
    if !passed {
      throw ExitCode.failure
    }
  }
}
