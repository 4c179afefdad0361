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

/// Opens a reverse tunnel and serves the calls that come through it. Ends in good order on SIGTERM.
struct ReverseServer: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Open a reverse tunnel and serve calls on it.")
  }

  @Option(help: "The server to dial, HOST:PORT with an IPv4 address.")
  var target: Target

  @Option(help: "The length of the longest message that is taken.")
  var maximumMessageSize = TunnelConfig.Limits.defaults.maximumMessageSize

  func run() async throws {
    let config = TunnelConfig.defaults { $0.limits.maximumMessageSize = self.maximumMessageSize }
    try await withGRPCClient(
      transport: .http2NIOPosix(target: self.target.ipv4, transportSecurity: .plaintext)
    ) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(
          over: network,
          metadata: ["agent-id": "swift"],
          config: config
        ),
        services: [InteropService()]
      ) { _ in
        await terminationSignal()
        report("ending")
      }
    }
    report("ended")
  }
}
