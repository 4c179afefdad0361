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
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Routed calls", .timeLimit(.minutes(5)))
struct RoutedCallsTests {
  private static func settings(
    _ configure: @escaping @Sendable (inout RoutingConfig) -> Void
  ) -> TestRouteSettings {
    TestRouteSettings(router: { configure(&$0.routing) })
  }

  @Test("by the host that is called")
  func authority() async throws {
    let pattern = try AuthorityPattern("*.tunnels.test")
    try await withRoute(RawService(), Self.settings { $0.authorityPattern = pattern }) { route in
      let transport: HTTP2ClientTransport.Posix = try .http2NIOPosix(
        target: route.callerAddress.target,
        transportSecurity: .plaintext,
        config: .defaults { $0.http2.authority = "shop-42.tunnels.test" }
      )
      try await withGRPCClient(transport: transport) { client in
        let caller = TestRoute(
          client: client,
          router: route.router,
          agent: route.agent,
          callerAddress: route.callerAddress,
          upstream: route.upstream
        )
        let reply = try await caller.call(RawService.echo, [[1]], key: nil)
        #expect(reply.messages == [[1]])
      }
      #expect(try await route.error(RawService.echo, key: nil).code == .invalidArgument)
    }
  }

  @Test("by default")
  func defaultKey() async throws {
    try await withRoute(RawService(), Self.settings { $0.defaultKey = "shop-42" }) { route in
      let reply = try await route.call(RawService.echo, [[1]], key: nil)
      #expect(reply.messages == [[1]])
    }
  }

  @Test("by the service that an agent has announced, until its tunnel ends")
  func service() async throws {
    try await withRoute { route in
      #expect(try await route.error(RawService.echo, key: nil).code == .invalidArgument)
      let address = try #require(await route.router.tunnelAddress)
      try await withGRPCClient(
        transport: .http2NIOPosix(target: address.target, transportSecurity: .plaintext)
      ) { network in
        let transport = ReverseTunnelServerTransport(
          over: network,
          metadata: ["tunnel-key": "another", "tunnel-services": "test.Raw"]
        )
        try await withGRPCServer(transport: transport, services: [RawService()]) { _ in
          try await route.router.waitUntilReady(forKey: "another")
          #expect(try await route.call(RawService.echo, [[1]], key: nil).messages == [[1]])
        }
      }
    }
  }

  @Test("a caller cannot write the header that tells who it is", arguments: ["token:boss", ""])
  func identityHeader(forged: String) async throws {
    let settings = Self.settings { $0.identityHeader = "caller-name" }
    try await withRoute(RawService(), settings) { route in
      let metadata: Metadata = ["caller-name": .string(forged), "Caller-Name": .string(forged)]
      let reply = try await route.call(RawService.headers, metadata: metadata)
      let headers = reply.messages.map { String(decoding: $0, as: UTF8.self) }
      #expect(headers.filter { $0.hasPrefix("caller-name") } == ["caller-name=anonymous"])
    }
  }

  @Test("an RPC waits for a tunnel when it may, and goes through it")
  func waits() async throws {
    try await withRoute(RawService(), Self.settings { $0.waitForTunnel = .seconds(240) }) { route in
      let address = try #require(await route.router.tunnelAddress)
      try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
        group.addTask { try await route.call(RawService.echo, [[1]], key: "late").messages }
        try await withGRPCClient(
          transport: .http2NIOPosix(target: address.target, transportSecurity: .plaintext)
        ) { network in
          let transport = ReverseTunnelServerTransport(
            over: network,
            metadata: ["tunnel-key": "late"]
          )
          try await withGRPCServer(transport: transport, services: [RawService()]) { _ in
            let messages = try await group.next()
            #expect(messages == [[1]])
          }
        }
      }
    }
  }

  @Test("an RPC that waits for a tunnel in vain is told so")
  func waitsInVain() async throws {
    let settings = Self.settings { $0.waitForTunnel = .milliseconds(50) }
    try await withRoute(RawService(), settings) { route in
      let error = try await route.error(RawService.echo, key: "never")
      #expect(error.code == .unavailable)
      #expect(error.message.contains("'never'"))
    }
  }

  @Test("a key has no more RPCs than it may have")
  func limit() async throws {
    let service = RawService()
    try await withRoute(service, Self.settings { $0.maximumRPCsPerKey = 1 }) { route in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { _ = try? await route.call(RawService.wait) }
        var events = service.events.makeAsyncIterator()
        #expect(await events.next() == "started ")
        let error = try? await route.error(RawService.echo)
        #expect(error?.code == .resourceExhausted)
        group.cancelAll()
      }
    }
  }

  @Test("a message that is too large is refused by the hop that the error names")
  func tooLarge() async throws {
    let settings = TestRouteSettings(
      router: { $0.maximumMessageSize = 1000 },
      agent: { $0.maximumMessageSize = 100 }
    )
    try await withRoute(RawService(), settings) { route in
      for (size, hop) in [(1001, "router"), (101, "agent")] {
        let message = [UInt8](repeating: 1, count: size)
        let error = await #expect(throws: RPCError.self) {
          try await route.call(RawService.echo, [message])
        }
        #expect(error?.code == .resourceExhausted)
        #expect(error?.message.hasPrefix("The \(hop) does not forward") == true)
      }
    }
  }
}
