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

@Suite("Settings of the admin address")
struct AdminConfigTests {
  private static let router = ["--tunnel-address", "127.0.0.1:1", "--address", "127.0.0.1:2"]
  private static let agent = [
    "--router", "127.0.0.1:1", "--key", "k", "--upstream", "127.0.0.1:2",
  ]

  private func settings(
    _ program: ConfigurableProgram,
    _ arguments: [String]
  ) throws -> Settings {
    try Settings(
      for: program,
      arguments: (program == .router ? Self.router : Self.agent) + arguments,
      environment: [:]
    ) { _ in "" }
  }

  @Test("there is none unless it is asked for", arguments: ConfigurableProgram.allCases)
  func none(program: ConfigurableProgram) throws {
    let settings = try self.settings(program, [])
    switch program {
    case .router: #expect(try RouterConfig(settings).admin == nil)
    case .agent: #expect(try AgentConfig(settings).admin == nil)
    }
    #expect(settings.effectiveConfiguration.contains("# admin: not set"))
  }

  @Test("an address, and tokens", arguments: ConfigurableProgram.allCases)
  func some(program: ConfigurableProgram) throws {
    let settings = try self.settings(program, ["--admin", "127.0.0.1:9", "--admin-tokens", "f"])
    var expected = AdminConfig(address: NetworkAddress(host: "127.0.0.1", port: 9))
    expected.tokens = "f"
    expected.settings = settings.effectiveConfiguration
    #expect(expected.settings.contains("admin-tokens: f"))
    switch program {
    case .router: #expect(try RouterConfig(settings).admin == expected)
    case .agent: #expect(try AgentConfig(settings).admin == expected)
    }
  }

  @Test("tokens without an address are a mistake", arguments: ConfigurableProgram.allCases)
  func tokensAlone(program: ConfigurableProgram) throws {
    let settings = try self.settings(program, ["--admin-tokens", "f"])
    #expect(throws: ConfigurationError.self) {
      switch program {
      case .router: _ = try RouterConfig(settings)
      case .agent: _ = try AgentConfig(settings)
      }
    }
  }

  @Test(
    "an address that others reach needs TLS and tokens",
    arguments: [(false, false, 2), (true, false, 1), (false, true, 1), (true, true, 0)]
  )
  func outside(hasTLS: Bool, hasTokens: Bool, count: Int) {
    var config = RouterConfig(tunnelAddress: .loopback, callerAddress: .loopback)
    config.admin = AdminConfig(address: NetworkAddress(host: "0.0.0.0", port: 9))
    config.admin?.tokens = hasTokens ? "f" : nil
    if hasTLS { config.callerSecurity.certificate = CertificateFiles(certificate: "c", key: "k") }
    #expect(config.problems.count == count)
    #expect(config.problems.allSatisfy { $0.contains("--admin") })
    config.isInsecureAllowed = true
    #expect(config.problems.isEmpty)
  }

  @Test("a file of tokens that cannot be read is told before anything starts")
  func missingFile() async throws {
    var config = RouterConfig(tunnelAddress: .loopback, callerAddress: .loopback)
    config.admin = AdminConfig(address: .loopback)
    config.admin?.tokens = "/no/such/file"
    await #expect { try await Router.checkFiles(of: config) } throws: { error in
      "\(error)".contains("/no/such/file")
    }
  }
}
