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

/// Offers the interop service over forward tunnels.
struct ForwardServer: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(abstract: "Accept forward tunnels and serve calls on them.")
  }

  @Option(help: "The port to listen on.")
  var port: Int

  @Option(help: "The length of the longest message that is taken.")
  var maximumMessageSize = TunnelConfig.Limits.defaults.maximumMessageSize

  func run() async throws {
    let config = TunnelConfig.defaults { $0.limits.maximumMessageSize = self.maximumMessageSize }
    let tunnels = TunnelService(services: [InteropService()], config: config)
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: self.port),
          transportSecurity: .plaintext
        )
      ),
      services: [tunnels]
    ) { _ in
      report("listening on port \(self.port)")
      await terminationSignal()
    }
  }
}
