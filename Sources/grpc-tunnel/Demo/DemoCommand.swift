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
internal import GRPCTunnelNIO
internal import GRPCTunnelRouter
internal import Logging

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Shows tunnels at work, in one process.",
    discussion: """
      Starts a server, a router and an agent on free ports of the loopback interface, calls the \
      server through them, and then through a forward tunnel; compares every answer with what it \
      must be and prints how long it took. Ends with 0 when all was right.

        grpc-tunnel demo
      """
  )

  func run() async throws {
    print("Everything runs in this process, on the loopback interface.")
    let start = ContinuousClock().now
    let report = try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      // The service is called directly by the agent, and through forward tunnels.
      services: [DemoService(), TunnelService(services: [DemoService()])]
    ) { server in
      guard let ipv4 = try await server.listeningAddress?.ipv4 else {
        throw RouterError("the demo's server does not listen")
      }
      let shop = NetworkAddress(host: ipv4.host, port: ipv4.port)
      var report = DemoReport()
      try await Self.callThroughRouter(shop, &report)
      try await Self.callThroughForwardTunnel(shop, &report)
      return report
    }
    let time = DemoReport.milliseconds(start.duration(to: ContinuousClock().now))
    print("\n\(report.passed) passed, \(report.failed) failed, \(time)")
    if report.failed > 0 { throw ExitCode.failure }
  }

  /// The way of reverse tunnels: the server dials.
  private static func callThroughRouter(
    _ shop: NetworkAddress,
    _ report: inout DemoReport
  ) async throws {
    let local = NetworkAddress(host: "127.0.0.1", port: 0)
    let silent = Logger(label: "demo") { _ in SwiftLogNoOpLogHandler() }
    let router = try await Router(
      config: RouterConfig(tunnelAddress: local, callerAddress: local),
      logger: silent
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await router.run() }
      guard let tunnelAddress = await router.tunnelAddress, let address = await router.callerAddress
      else {
        return try await group.waitForAll()
      }
      report.title("Reverse: caller -> router \(address) <- agent (dials) -> server \(shop)")
      let agent = try await Agent(
        config: AgentConfig(
          routers: [RouterTarget(tunnelAddress)],
          key: "shop-42",
          upstreams: [UpstreamConfig(.network(shop))]
        ),
        logger: silent
      )
      group.addTask { try await agent.run() }
      await report.check("agent", "registers as 'shop-42' at \(tunnelAddress)", expected: true) {
        try await router.waitUntilReady(forKey: "shop-42")
        return true
      }
      try await Self.call(address, &report)
      await report.check("shutdown", "the agent ends, then the router", expected: true) {
        agent.beginGracefulShutdown()
        try await group.next()
        router.beginGracefulShutdown()
        try await group.next()
        return true
      }
    }
  }

  private static func call(_ router: NetworkAddress, _ report: inout DemoReport) async throws {
    try await withGRPCClient(
      transport: .http2NIOPosix(target: router.target, transportSecurity: .plaintext)
    ) { client in
      await report.checkAllKinds(DemoCaller(client: client, metadata: ["tunnel-key": "shop-42"]))
      await report.check(
        "unknown key",
        "UNAVAILABLE naming it",
        expected: .init(code: .unavailable, message: "There is no tunnel for the key 'shop-43'.")
      ) {
        try await DemoCaller(client: client, metadata: ["tunnel-key": "shop-43"])
          .refusal(of: DemoService.greet, ["somebody"])
      }
    }
  }

  /// The way of forward tunnels: every call of a client goes to the one server that it dialled.
  private static func callThroughForwardTunnel(
    _ shop: NetworkAddress,
    _ report: inout DemoReport
  ) async throws {
    report.title("Forward: caller -> tunnel to server \(shop)")
    try await withGRPCClient(
      transport: .http2NIOPosix(
        target: shop.target,
        transportSecurity: .plaintext,
        config: .tunnelDefaults
      )
    ) { network in
      try await withGRPCClient(transport: .tunnel(over: network)) { client in
        await report.checkAllKinds(DemoCaller(client: client, metadata: [:]))
        await report.check(
          "unknown method",
          "UNIMPLEMENTED",
          expected: RPCError.Code?.some(.unimplemented)
        ) {
          let method = MethodDescriptor(fullyQualifiedService: "demo.Shop", method: "Steal")
          return try await DemoCaller(client: client, metadata: [:]).refusal(of: method, []).code
        }
      }
    }
  }
}
