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

@Suite("Health of servers", .timeLimit(.minutes(5)))
struct UpstreamHealthTests {
  private static let settings = TestRouteSettings(
    agent: { $0.healthCheckInterval = .milliseconds(100) }
  )

  /// Calls until the router has no tunnel any more.
  private static func waitUntilGone(_ route: TestRoute) async throws {
    while true {
      do {
        _ = try await route.call(RawService.echo)
      } catch let error as RPCError where error.message.contains("no tunnel") {
        return
      } catch is RPCError {
        // The tunnel is there, and the server not.
      }
    }
  }

  @Test(
    "a server that does not serve leaves the pool, and comes back by itself",
    arguments: [true, false]
  )
  func notServing(hasWatch: Bool) async throws {
    let health = HealthService(hasWatch: hasWatch)
    let server = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0),
      transportSecurity: .plaintext,
      config: .tunnelDefaults
    )
    try await withGRPCServer(transport: server, services: [RawService(), health]) { server in
      let ipv4 = try #require(try await server.listeningAddress?.ipv4)
      let address = NetworkAddress(host: ipv4.host, port: ipv4.port)
      try await withRoute(to: address, Self.settings) { route in
        for _ in 0 ..< 2 {
          _ = try await route.call(RawService.echo)
          health.set(isServing: false)
          try await Self.waitUntilGone(route)
          health.set(isServing: true)
          try await route.router.waitUntilReady(forKey: "shop-42")
        }
      }
    }
  }

  @Test("an RPC that is open when its server stops serving goes on")
  func drains() async throws {
    let health = HealthService(hasWatch: true)
    let server = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0),
      transportSecurity: .plaintext,
      config: .tunnelDefaults
    )
    try await withGRPCServer(transport: server, services: [RawService(), health]) { server in
      let ipv4 = try #require(try await server.listeningAddress?.ipv4)
      let address = NetworkAddress(host: ipv4.host, port: ipv4.port)
      try await withRoute(to: address, Self.settings) { route in
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
        let replies = try await route.client.bidirectionalStreaming(
          request: StreamingClientRequest(metadata: ["tunnel-key": "shop-42"]) { writer in
            try await writer.write([1])
            for await _ in signals {}
            try await writer.write([2])
          },
          descriptor: RawService.echo,
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: .defaults
        ) { response in
          var messages: [[UInt8]] = []
          for try await message in response.messages {
            messages.append(message)
            if messages.count > 1 { continue }
            health.set(isServing: false)
            try await Self.waitUntilGone(route)
            continuation.finish()
          }
          return messages
        }
        #expect(replies == [[1], [2]])
      }
    }
  }
}
