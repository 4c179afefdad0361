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

/// The network server of this process, to which the server's process opens reverse tunnels.
struct ReverseListener: Sendable {
  let agents: ReverseTunnels<String>
  private let transport: HTTP2ServerTransport.Posix
  private let server: GRPCServer<SanitizedServerTransport<HTTP2ServerTransport.Posix>>

  init(settings: TransportSettings, maximumStreams: Int) {
    self.agents = ReverseTunnels(
      keyHeader: DialOrder.keyHeader,
      config: settings.tunnel(maximumStreams: maximumStreams)
    )
    self.transport = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0),
      transportSecurity: .plaintext,
      config: settings.server(maximumStreams: maximumStreams)
    )
    self.server = GRPCServer(
      transport: .sanitizing(self.transport),
      services: [TunnelService(reverseTunnels: self.agents)]
    )
  }

  /// Runs until the task is cancelled.
  func run() async throws {
    try await self.server.serve()
  }

  /// Waits for so many tunnels to be open.
  func waitForTunnels(_ count: Int) async throws {
    for _ in 0 ..< 1200 {
      if self.agents.tunnels.count >= count { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw RPCError(code: .deadlineExceeded, message: "There are not \(count) tunnels after 120 s.")
  }

  var port: Int {
    get async throws { try await self.transport.listeningPort }
  }
}
