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

internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("What routers and agents refuse")
struct RouterConfigTests {
  private static let outside = NetworkAddress(host: "0.0.0.0", port: 7000)
  private static let inside = NetworkAddress(host: "127.0.0.1", port: 7001)
  private static let certificate = CertificateFiles(certificate: "c", key: "k")

  @Test("addresses of this machine may be open")
  func loopback() {
    #expect(RouterConfig(tunnelAddress: Self.inside, callerAddress: .local).problems.isEmpty)
  }

  @Test(
    "addresses that others reach need TLS and credentials",
    arguments: [
      (false, false, false, 2),
      (true, false, false, 1),
      (true, true, false, 0),
      (true, false, true, 0),
      (false, true, false, 1),
    ]
  )
  func outside(hasTLS: Bool, hasTokens: Bool, hasAuthorities: Bool, count: Int) {
    var security = ListenerSecurity()
    security.certificate = hasTLS ? Self.certificate : nil
    security.tokens = hasTokens ? "t" : nil
    security.clientAuthorities = hasAuthorities ? "a" : nil

    var config = RouterConfig(tunnelAddress: Self.outside, callerAddress: Self.inside)
    config.tunnelSecurity = security
    #expect(config.problems.count == count)
    #expect(config.problems.allSatisfy { $0.contains("--tunnel-address") })
    config.isInsecureAllowed = true
    #expect(config.problems.isEmpty)

    config = RouterConfig(tunnelAddress: Self.inside, callerAddress: Self.outside)
    config.callerSecurity = security
    #expect(config.problems.count == count)
    #expect(config.problems.allSatisfy { $0.contains("--address") })
  }

  @Test("certificates of clients need TLS")
  func authoritiesWithoutTLS() {
    var config = RouterConfig(tunnelAddress: Self.inside, callerAddress: .local)
    config.tunnelSecurity.clientAuthorities = "a"
    #expect(config.problems.count == 1)
    #expect(config.problems.first?.hasPrefix("--agent-ca needs TLS") == true)
  }

  @Test("a router on another machine needs TLS", arguments: [false, true])
  func agent(isExpanded: Bool) {
    let router = NetworkAddress(host: "router.example.com", port: 7000)
    var config = AgentConfig(
      routers: [RouterTarget(router, isExpanded: isExpanded)],
      key: "k",
      upstreams: [UpstreamConfig(.network(Self.inside))]
    )
    #expect(config.problems.count == 1)
    config.routerSecurity.usesTLS = true
    #expect(config.problems.isEmpty)
    config.routerSecurity.usesTLS = false
    config.isInsecureAllowed = true
    #expect(config.problems.isEmpty)
  }

  @Test("two servers for the same RPCs cannot be")
  func sameUpstream() throws {
    func problems(_ upstreams: [String]) throws -> [String] {
      AgentConfig(
        routers: [RouterTarget(Self.inside)],
        key: "k",
        upstreams: try upstreams.map { try UpstreamConfig($0) }
      ).problems
    }
    #expect(try problems(["h:1", "/s.A=h:1", "l=h:1", "l/s.A=h:1"]).isEmpty)
    #expect(try problems(["h:1", "k=h:2"]).count == 1)
    #expect(try problems(["/s.A=h:1", "k/s.A=h:2"]).count == 1)
  }

  @Test("a key is needed unless all servers have their own")
  func missingKey() throws {
    let arguments = ["--router=h:1", "--router-tls"]
    func config(_ upstreams: [String]) throws -> AgentConfig {
      let more = upstreams.flatMap { ["--upstream", $0] }
      return try AgentConfig(
        Settings(for: .agent, arguments: arguments + more, environment: [:]) {
          _ in
          ""
        }
      )
    }
    #expect(try config(["a=h:1", "b/s.A=h:1"]).upstreams.count == 2)
    let error = #expect(throws: ConfigurationError.self) { try config(["a=h:1", "/s.A=h:1"]) }
    #expect(error?.problems.first?.hasPrefix("--key is missing") == true)
  }

  @Test("settings of TLS turn it on")
  func impliedTLS() throws {
    let arguments = ["--router=h:1", "--key=k", "--upstream=h:1"]
    for more in ["--router-tls", "--router-ca=f", "--router-server-name=h"] {
      let settings = try Settings(for: .agent, arguments: arguments + [more], environment: [:]) {
        _ in
        ""
      }
      #expect(try AgentConfig(settings).routerSecurity.usesTLS)
    }
  }

  @Test("a secret is not shown")
  func secret() throws {
    let settings = try Settings(
      for: .agent,
      arguments: ["--router=127.0.0.1:1", "--key=k", "--upstream=h:1"],
      environment: ["GRPC_TUNNEL_TOKEN": "gtun_secret"]
    ) { _ in "" }
    let config = try AgentConfig(settings)
    #expect(config.token?.text == "gtun_secret")
    var dumped = ""
    dump(config, to: &dumped)
    for text in [settings.effectiveConfiguration, "\(config)", String(reflecting: config), dumped] {
      #expect(!text.contains("gtun_secret"))
    }
    #expect(settings.effectiveConfiguration.contains("# token: set by GRPC_TUNNEL_TOKEN"))
  }
}

extension NetworkAddress {
  fileprivate static let local = NetworkAddress(host: "localhost", port: 0)
}
