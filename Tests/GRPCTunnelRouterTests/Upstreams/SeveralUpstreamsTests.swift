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
internal import GRPCTunnelNIO
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Several servers behind an agent", .timeLimit(.minutes(5)))
struct SeveralUpstreamsTests {
  /// Runs a server with no services but one, which so tells where RPCs go.
  private static func withServer(
    at address: GRPCNIOTransportHTTP2.SocketAddress,
    _ services: [any RegistrableRPCService],
    _ body: (UpstreamAddress) async throws -> Void
  ) async throws {
    let transport = HTTP2ServerTransport.Posix(
      address: address,
      transportSecurity: .plaintext,
      config: .tunnelDefaults
    )
    try await withGRPCServer(transport: transport, services: services) { server in
      let listening = try #require(try await server.listeningAddress)
      if let ipv4 = listening.ipv4 {
        try await body(.network(NetworkAddress(host: ipv4.host, port: ipv4.port)))
      } else {
        let socket = try #require(listening.unixDomainSocket)
        try await body(.unix(path: socket.path))
      }
    }
  }

  @Test("each gets the RPCs of its key and service; services are announced")
  func several() async throws {
    let local = GRPCNIOTransportHTTP2.SocketAddress.ipv4(host: "127.0.0.1", port: 0)
    let folder = try TestFolder()
    let socket = GRPCNIOTransportHTTP2.SocketAddress.unixDomainSocket(path: folder.path("s"))
    try await Self.withServer(at: local, [RawService()]) { raw in
      try await Self.withServer(at: socket, [HealthService(hasWatch: true)]) { health in
        let settings = TestRouteSettings(agent: { config in
          config.upstreams = [
            UpstreamConfig(health),
            UpstreamConfig(raw, service: "test.Raw"),
            UpstreamConfig(raw, key: "raw"),
            UpstreamConfig(health, key: "health", service: "grpc.health.v1.Health"),
          ]
          config.announcesServices = true
        })
        try await withRoute(to: NetworkAddress(host: "127.0.0.1", port: 1), settings) { route in
          for key in ["raw", "health"] {
            try await route.router.waitUntilReady(forKey: key)
          }
          let check = MethodDescriptor(
            fullyQualifiedService: "grpc.health.v1.Health",
            method: "Check"
          )
          // The services of a key, the rest, other keys, and what was announced.
          for key in ["shop-42", "raw", nil] {
            let reply = try await route.call(RawService.echo, [[1]], key: key)
            #expect(reply.messages == [[1]])
          }
          for key in ["shop-42", "health", nil] {
            let reply = try await route.call(check, [[]], key: key)
            #expect(reply.messages == [[8, 1]])
          }
          for (method, key) in [(check, "raw"), (RawService.echo, "health")] {
            #expect(try await route.error(method, key: key).code == .unimplemented)
          }
        }
      }
    }
  }
}
