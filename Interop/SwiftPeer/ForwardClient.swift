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

/// Opens a forward tunnel and checks the service at its other end.
struct ForwardClient: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Open a forward tunnel and run the checks on it.")
  }

  @Option(help: "The server to dial, HOST:PORT with an IPv4 address.")
  var target: Target

  @Option(help: "The checks to run.")
  var checks = CheckGroup.standard

  func run() async throws {
    let checks = self.checks
    let passed = try await withGRPCClient(
      transport: .http2NIOPosix(target: self.target.ipv4, transportSecurity: .plaintext)
    ) { network in
      try await withGRPCClient(
        transport: .tunnel(over: network, config: checks.config)
      ) { client in
        await Checks(client: client, peerIsPython: true, messageLimit: checks.maximumMessageSize)
          .run(checks)
      }
    }
    if !passed {
      throw ExitCode.failure
    }
  }
}
