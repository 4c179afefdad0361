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

/// Runs the code that stands in the documentation's pages; `dev/check-docs.sh` compares the two.
@main
struct Documentation {
  static func main() async throws {
    try await ForwardTunnels.run()
    try await ReverseTunnelsPage.run()
    try await KeysPage.run()
    try await AuthorizationPage.run()
    try await CallsPage.run()
    try await LifeCyclePage.run()
    try await LimitsPage.run()
    try await ObservingPage.run()
  }

  /// Runs a server on the loopback interface, and a client for it.
  static func withNetwork(
    services: [any RegistrableRPCService],
    interceptors: [any ServerInterceptor] = [],
    _ body: @Sendable (_ network: GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Void
  ) async throws {
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: services,
      interceptors: interceptors
    ) { server in
      try await withGRPCClient(
        transport: .http2NIOPosix(
          target: .ipv4(
            address: "127.0.0.1",
            port: try await server.listeningAddress?.ipv4?.port ?? 0
          ),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ) { network in
        try await body(network)
      }
    }
  }
}
