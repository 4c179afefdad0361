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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Reverse tunnels to several servers over HTTP/2", .timeLimit(.minutes(5)))
struct EndpointsOverHTTP2Tests {
  /// Runs a server to which reverse tunnels are opened.
  private static func withServer(
    _ body: @Sendable (_ agents: ReverseTunnels<String>, _ port: Int) async throws -> Void
  ) async throws {
    let agents = ReverseTunnels { _ in "agent" }
    try await withGRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .plaintext,
        config: .tunnelDefaults
      ),
      services: [TunnelService(reverseTunnels: agents)]
    ) { server in
      let address = try #require(try await server.listeningAddress?.ipv4)
      try await body(agents, address.port)
    }
  }

  private static func callThrough(_ agents: ReverseTunnels<String>) async throws {
    try await agents.waitUntilReady()
    try await withGRPCClient(transport: agents.transport) { client in
      let reply = try await client.call(ControlCall(.bidirectional, [.echo], messages: [[1], [2]]))
      #expect(reply.messages == [[1], [2]])
    }
  }

  @Test("serve each of them, and are let go when the server is gone from the set")
  func endpoints() async throws {
    try await Self.withServer { first, firstPort in
      try await Self.withServer { second, secondPort in
        let (stream, sets) = AsyncStream.makeStream(of: Set<Int>.self)
        let transport = ReverseTunnelServerTransport(to: stream, tunnels: 2) { port in
          GRPCClient(
            transport: try HTTP2ClientTransport.Posix(
              target: .ipv4(address: "127.0.0.1", port: port),
              transportSecurity: .plaintext,
              config: .tunnelDefaults
            )
          )
        }
        try await withGRPCServer(
          transport: transport,
          services: [ControlService(events: ControlEvents())]
        ) { _ in
          sets.yield([firstPort, secondPort])
          try await Self.callThrough(first)
          try await Self.callThrough(second)
          let open = try await transport.tunnelUpdates.firstElement {
            $0.count == 4 && $0.allSatisfy { $0.state.isReady }
          }
          #expect(Set(open.map(\.endpoint)) == ["\(firstPort)", "\(secondPort)"])

          sets.yield([secondPort])
          _ = try await transport.tunnelUpdates.firstElement { $0.count == 2 }
          while !first.tunnels.isEmpty { await Task.yield() }
          try await Self.callThrough(second)
          #expect(second.tunnels.count == 2)
        }
      }
    }
  }
}
