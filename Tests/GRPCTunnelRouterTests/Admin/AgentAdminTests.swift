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

internal import GRPCTunnelAdmin
internal import Logging
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("The admin address of an agent", .timeLimit(.minutes(5)))
struct AgentAdminTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  @Test("tells about its tunnel, and is ready with it")
  func tunnel() async throws {
    let settings = TestRouteSettings(agent: { $0.admin = AdminConfig(address: .loopback) })
    try await withRoute(RawService(), settings) { route in
      let address = try #require(await route.agent.adminAddress)
      let client = AdminClient(host: address.host, port: address.port)
      _ = try await route.call(RawService.echo, [[1, 2, 3]])
      #expect(try await client.response(to: "/readyz").status == 200)
      let overview = try await client.overview()
      #expect(overview.program == "agent")
      #expect(overview.state == .ready)
      #expect(overview.actions.isEmpty)
      let tunnel = try #require(overview.tunnels.first)
      #expect(tunnel.key == "shop-42")
      #expect(tunnel.state == "ready")
      #expect(tunnel.id == tunnel.peer)
      #expect(tunnel.rpcs.started == 1)
      #expect(tunnel.received.bytes == 3)
      #expect(try await client.tunnel(tunnel.id).since == tunnel.since)
      await #expect(throws: AdminClientError.self) {
        try await client.close(tunnel.id, reason: nil)
      }
      let metrics = try await client.metrics()
      #expect(metrics.contains(#"grpc_tunnel_tunnels_open{direction="reverse",role="server"} 1"#))
    }
  }

  @Test("is not ready without a router, and says why")
  func noRouter() async throws {
    // Nobody can listen there without being root.
    var config = AgentConfig(
      routers: [RouterTarget(NetworkAddress(host: "127.0.0.1", port: 1))],
      key: "shop-42",
      upstreams: [UpstreamConfig(.network(NetworkAddress(host: "127.0.0.1", port: 1)))]
    )
    config.healthCheckInterval = nil
    config.admin = AdminConfig(address: .loopback)
    let agent = try await Agent(config: config, logger: self.logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await agent.run() }
      let address = try #require(await agent.adminAddress)
      let client = AdminClient(host: address.host, port: address.port)
      let response = try await client.response(to: "/readyz")
      #expect(response.status == 503)
      #expect(String(decoding: response.body, as: UTF8.self) == "waiting\n")
      while try await client.overview().tunnels.first?.state != "retrying" {
        try await Task.sleep(for: .milliseconds(10))
      }
      let tunnel = try #require(try await client.overview().tunnels.first)
      #expect(tunnel.peer == "127.0.0.1:1")
      if tunnel.state == "retrying" {
        #expect(tunnel.reason != nil)
        #expect(tunnel.retryAt != nil)
      }
      group.cancelAll()
    }
  }
}
