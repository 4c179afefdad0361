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
internal import GRPCTunnel
internal import GRPCTunnelAdmin
internal import Logging
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("The admin address of a router", .timeLimit(.minutes(5)))
struct RouterAdminTests {
  /// Runs a route whose router has an admin address.
  private func withAdmin(
    _ settings: TestRouteSettings = TestRouteSettings(),
    _ body: (TestRoute, AdminClient) async throws -> Void
  ) async throws {
    var settings = settings
    settings.router = { [configure = settings.router] config in
      config.admin = AdminConfig(address: .loopback)
      configure(&config)
    }
    try await withRoute(RawService(), settings) { route in
      let address = try #require(await route.router.adminAddress)
      try await body(route, AdminClient(host: address.host, port: address.port))
    }
  }

  /// Follows events until what there is fulfils a condition.
  private func wait(
    _ client: AdminClient,
    until isFulfilled: (Overview) -> Bool
  ) async throws -> Overview {
    while true {
      let overview = try await client.overview()
      if isFulfilled(overview) { return overview }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  @Test("tells about a tunnel, and what has gone through it")
  func tunnel() async throws {
    try await self.withAdmin { route, client in
      _ = try await route.call(RawService.echo, [[1, 2, 3]])
      _ = try await route.error(RawService.fail)
      let overview = try await self.wait(client) { $0.tunnels.first?.openRPCs == 0 }
      #expect(overview.program == "router")
      #expect(overview.state == .ready)
      #expect(overview.actions == [.drain, .close])
      let tunnel = try #require(overview.tunnels.first)
      #expect(overview.tunnels.count == 1)
      #expect(tunnel.key == "shop-42")
      #expect(tunnel.state == "ready")
      #expect(tunnel.identity == nil)
      #expect(tunnel.peer.hasPrefix("ipv4:127.0.0.1:"))
      #expect(tunnel.revision == 1)
      #expect(tunnel.extensions.contains("drain"))
      #expect(tunnel.rpcs.started == 2)
      #expect(tunnel.rpcs.finished == ["OK": 1, "FAILED_PRECONDITION": 1])
      #expect(tunnel.sent.messages == 1)
      #expect(tunnel.sent.bytes == 3)
      #expect(tunnel.received.bytes == 3)
      // What does not change reads the same.
      #expect(try await client.tunnel(tunnel.id).since == tunnel.since)
    }
  }

  @Test("tells who an agent has proven to be")
  func identity() async throws {
    let folder = try TestFolder()
    let tokens = try folder.write(
      TokenFile.adding("agent", name: "shop-42", to: ""),
      to: "agents"
    )
    let settings = TestRouteSettings(
      router: { $0.tunnelSecurity.tokens = tokens },
      agent: { $0.token = Secret("agent") }
    )
    try await self.withAdmin(settings) { _, client in
      let overview = try await client.overview()
      #expect(overview.tunnels.map(\.identity) == ["token:shop-42"])
    }
  }

  @Test("closes a tunnel, remembers why, and the agent comes back")
  func close() async throws {
    try await self.withAdmin { route, client in
      _ = try await route.call(RawService.echo, [[1, 2, 3]])
      let tunnel = try #require(try await client.overview().tunnels.first)
      try await client.close(tunnel.id, reason: "moves")
      let overview = try await self.wait(client) { overview in
        !overview.closed.isEmpty && overview.tunnels.contains { $0.state == "ready" }
      }
      #expect(overview.tunnels.allSatisfy { $0.id != tunnel.id })
      let closed = try #require(overview.closed.first)
      #expect(closed.id == tunnel.id)
      #expect(closed.closedBy == .local)
      #expect(closed.failed == false)
      #expect(closed.reason?.contains("closed by the operator: moves") == true)
      #expect(closed.rpcs.started == 1)
      #expect(closed.received.bytes == 3)
      #expect(closed.state == nil)
      #expect(try await client.tunnel(tunnel.id) == closed)
      await #expect(throws: AdminClientError.self) { try await client.drain(tunnel.id) }
    }
  }

  @Test("drains a tunnel, and remembers that it has")
  func drain() async throws {
    try await self.withAdmin { _, client in
      let tunnel = try #require(try await client.overview().tunnels.first)
      try await client.drain(tunnel.id)
      let overview = try await self.wait(client) { !$0.closed.isEmpty }
      let closed = try #require(overview.closed.first)
      #expect(closed.id == tunnel.id)
      #expect(closed.drainingSide == .local)
      #expect(closed.failed == false)
    }
  }

  @Test("is ready until it drains, and tells so while it does")
  func readiness() async throws {
    try await self.withAdmin { route, client in
      #expect(try await client.response(to: "/readyz").status == 200)
      let isAnswered = OneShotEvent()
      try await route.client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: ["tunnel-key": "shop-42"]) { writer in
          try await writer.write([1])
          try await isAnswered.wait()
          // The RPC keeps the router from ending.
          route.router.beginGracefulShutdown()
          let response = try await client.response(to: "/readyz")
          #expect(response.status == 503)
          #expect(String(decoding: response.body, as: UTF8.self) == "draining\n")
        },
        descriptor: RawService.echo,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        for try await _ in response.messages { isAnswered.fire() }
      }
    }
  }

  @Test("every metric has an explanation, and says what has happened")
  func metrics() async throws {
    try await self.withAdmin { route, client in
      _ = try await route.call(RawService.echo, [[1, 2, 3]])
      _ = try await self.wait(client) { $0.tunnels.first?.openRPCs == 0 }
      let text = try await client.metrics()
      let types = text.matches(of: #/# TYPE (\S+) /#).map { String($0.output.1) }
      #expect(types.count == 15)
      for name in types {
        #expect(text.contains("# HELP \(name) "), "\(name)")
      }
      let labels = #"direction="reverse",role="client""#
      for line in [
        #"grpc_tunnel_info{program="router",version="\#(Version.current)"} 1"#,
        "grpc_tunnel_tunnels_open{\(labels)} 1",
        "grpc_tunnel_sent_bytes_total{\(labels)} 3",
        #"grpc_tunnel_rpcs_finished_total{code="OK",\#(labels)} 1"#,
      ] {
        #expect(text.contains("\(line)\n"), "\(line)")
      }
    }
  }

  @Test("asks for a token, as its file has them now")
  func token() async throws {
    let folder = try TestFolder()
    let tokens = try folder.write(TokenFile.adding("one", name: "op", to: ""), to: "admin")
    let settings = TestRouteSettings(router: { $0.admin?.tokens = tokens })
    try await self.withAdmin(settings) { route, client in
      let address = try #require(await route.router.adminAddress)
      let status = { (token: String?) in
        try await AdminClient(host: address.host, port: address.port, token: token)
          .response(to: "/api/tunnels").status
      }
      #expect(try await status(nil) == 401)
      #expect(try await status("two") == 401)
      #expect(try await status("one") == 200)
      try folder.write(TokenFile.adding("two", name: "op", to: ""), to: "admin")
      await route.router.reload()
      #expect(try await status("one") == 401)
      #expect(try await status("two") == 200)
    }
  }

  @Test("an address that is taken ends the router with an error that names it")
  func addressIsTaken() async throws {
    try await self.withAdmin { route, _ in
      let address = try #require(await route.router.adminAddress)
      var config = RouterConfig(tunnelAddress: .loopback, callerAddress: .loopback)
      config.admin = AdminConfig(address: address)
      let router = try await Router(
        config: config,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      )
      await #expect { try await router.run() } throws: { error in
        "\(error)".contains("cannot listen on \(address)")
      }
    }
  }
}
