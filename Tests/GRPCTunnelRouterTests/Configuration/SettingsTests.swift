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

internal import Logging
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Settings")
struct SettingsTests {
  private static let someSettings = [
    Setting("one", .single, as: "text", "A value."),
    Setting("many", .list, as: "text", "Values."),
    Setting("on", .toggle, "Whether."),
    Setting("secret", .single, as: "text", isSecret: true, "A secret."),
  ]

  @Test(
    "flags",
    arguments: [
      ([], [:]),
      (["--one", "1"], ["one": ["1"]]),
      (["--one=1"], ["one": ["1"]]),
      (["--one="], ["one": [""]]),
      (["--one", ""], ["one": [""]]),
      (["--one", "--on"], ["one": ["--on"]]),
      (["--one", "a=b"], ["one": ["a=b"]]),
      (["--many", "1", "--many=2,3"], ["many": ["1", "2,3"]]),
      (["--on"], ["on": ["true"]]),
      (["--on=false", "--one", "1"], ["on": ["false"], "one": ["1"]]),
      (["--on", "false", "--one", "1"], ["on": ["false"], "one": ["1"]]),
    ] as [([String], [String: [String]])]
  )
  func flags(arguments: [String], values: [String: [String]]) {
    let parsed = SettingsArguments(arguments, settings: Self.someSettings)
    #expect(parsed.problems.isEmpty)
    #expect(parsed.values == values)
  }

  @Test(
    "flags that are wrong",
    arguments: [
      (["one"], "'one' is not expected"),
      (["-one"], "'-one' is not expected"),
      (["--"], "'--' is not expected"),
      (["--manny", "1"], "there is no setting '--manny'; did you mean 'many'?"),
      (["--colour", "red"], "there is no setting '--colour'"),
      (["--one"], "--one has no value"),
      (["--one", "1", "--one", "2"], "--one is given twice"),
      (["--secret", "1"], "GRPC_TUNNEL_SECRET"),
    ]
  )
  func wrongFlags(arguments: [String], problem: String) {
    let parsed = SettingsArguments(arguments, settings: Self.someSettings)
    #expect(parsed.problems.count == 1)
    #expect(parsed.problems.first?.contains(problem) == true)
  }

  @Test(
    "files",
    arguments: [
      ("", [:]),
      ("# nothing\n", [:]),
      ("one: 1", ["one": ["1"]]),
      ("one: 'a: b'  # why", ["one": ["a: b"]]),
      ("many: x", ["many": ["x"]]),
      ("many: [x, y]\non: yes", ["many": ["x", "y"], "on": ["yes"]]),
      ("many:\n  - x\n  - '1,2'\n", ["many": ["x", "1,2"]]),
      ("many: []", ["many": []]),
      (#"{"one": "1", "many": ["x"]}"#, ["one": ["1"], "many": ["x"]]),
      ("secret: s", ["secret": ["s"]]),
    ] as [(String, [String: [String]])]
  )
  func files(text: String, values: [String: [String]]) {
    let parsed = SettingsFile(text, settings: Self.someSettings)
    #expect(parsed.problems.isEmpty)
    #expect(parsed.values == values)
  }

  @Test(
    "files that are wrong",
    arguments: [
      ("one: 1\ntwo: 2", "line 2: there is no setting 'two'"),
      ("onee: 1", "did you mean 'one'?"),
      ("one: [1]", "line 1: 'one' must be one value"),
      ("many: {x: y}", "'many' must be a value, or a list of values"),
      ("many: [[x]]", "'many' must be a value, or a list of values"),
      ("- one", "lines such as"),
      ("one", "lines such as"),
      ("one: '", "not YAML"),
    ]
  )
  func wrongFiles(text: String, problem: String) {
    let parsed = SettingsFile(text, settings: Self.someSettings)
    #expect(parsed.problems.count == 1)
    #expect(parsed.problems.first?.contains(problem) == true, "\(parsed.problems)")
  }

  @Test(
    "what is no YAML is not repeated",
    arguments: ["token: gtun_1: x", "token: 'gtun_1", "\tgtun_1"]
  )
  func secretInWrongFile(text: String) {
    let problems = SettingsFile(text, settings: Self.someSettings).problems
    #expect(problems.count == 1)
    #expect(problems.first?.contains("it is not YAML: line 1") == true, "\(problems)")
    #expect(problems.first?.contains("gtun") == false)
  }

  @Test("flags come before variables, variables before the file, the file before defaults")
  func precedence() throws {
    let file = "max-message-size: 3MiB\ndrain-timeout: 3s\nlog-level: debug"
    let settings = try Settings(
      for: .router,
      arguments: ["--tunnel-address", "127.0.0.1:1", "--max-message-size", "1MiB"],
      environment: [
        "GRPC_TUNNEL_MAX_MESSAGE_SIZE": "2MiB", "GRPC_TUNNEL_DRAIN_TIMEOUT": "2s",
        "GRPC_TUNNEL_ADDRESS": "127.0.0.1:2", "GRPC_TUNNEL_LOG_LEVEL": "",
        "GRPC_TUNNEL_CONFIG": "router.yaml",
      ]
    ) { path in
      #expect(path == "router.yaml")
      return file
    }
    let config = try RouterConfig(settings)
    #expect(config.tunnelAddress == NetworkAddress(host: "127.0.0.1", port: 1))
    #expect(config.callerAddress == NetworkAddress(host: "127.0.0.1", port: 2))
    #expect(config.maximumMessageSize == 1024 * 1024)
    #expect(config.drainTimeout == .seconds(2))
    #expect(config.logLevel == .debug)
  }

  @Test("all problems are told at once, with where they are")
  func problems() throws {
    let settings = try Settings(
      for: .agent,
      arguments: ["--config", "a.yaml", "--router", "nonsense"],
      environment: ["GRPC_TUNNEL_UPSTREAM": "127.0.0.1:0"]
    ) { _ in "drain-timeout: soon" }
    let error = #expect(throws: ConfigurationError.self) { try AgentConfig(settings) }
    let problems = try #require(error?.problems)
    #expect(problems.count == 4)
    #expect(problems.contains { $0.hasPrefix("--router: 'nonsense' is not an address") })
    #expect(problems.contains { $0.hasPrefix("--key is missing") })
    #expect(problems.contains { $0.hasPrefix("GRPC_TUNNEL_UPSTREAM: '127.0.0.1:0'") })
    #expect(problems.contains { $0.hasPrefix("a.yaml: 'drain-timeout': 'soon' is not a time") })
  }

  @Test("a file that cannot be read is named")
  func missingFile() {
    struct Missing: Error {}
    let error = #expect(throws: ConfigurationError.self) {
      try Settings(for: .router, arguments: ["--config=no.yaml"], environment: [:]) { _ in
        throw Missing()
      }
    }
    #expect(error?.problems.first?.hasPrefix("cannot read no.yaml") == true)
  }

  @Test("every default is what the documentation of its setting says")
  func defaults() throws {
    let address = NetworkAddress(host: "127.0.0.1", port: 1)
    let local = NetworkAddress(host: "127.0.0.1", port: 0)
    let router = try RouterConfig(
      Self.settings(.router, ["--tunnel-address", "127.0.0.1:0", "--address", "127.0.0.1:0"])
    )
    #expect(router == RouterConfig(tunnelAddress: local, callerAddress: local))
    let agent = try AgentConfig(
      Self.settings(.agent, ["--router=127.0.0.1:1", "--key=k", "--upstream=127.0.0.1:1"])
    )
    let expected = AgentConfig(
      routers: [RouterTarget(address)],
      key: "k",
      upstreams: [UpstreamConfig(.network(address))]
    )
    #expect(agent == expected)
  }

  @Test("the effective configuration is a file that means the same")
  func effective() throws {
    let first = try Self.settings(
      .agent,
      ["--router=[::1]:1", "--key=it's: #1", "--upstream=h:1", "--max-message-size=8MiB"]
    )
    let file = first.effectiveConfiguration
    #expect(file.contains("max-message-size: 8MiB  # --max-message-size\n"))
    #expect(file.contains("drain-timeout: 30s  # default\n"))
    let second = try Settings(for: .agent, arguments: ["--config=f"], environment: [:]) { _ in file
    }
    for setting in ConfigurableProgram.agent.settings where setting != .config {
      #expect(first.given(for: setting)?.texts == second.given(for: setting)?.texts)
    }
  }

  @Test("every setting is explained once", arguments: ConfigurableProgram.allCases)
  func help(program: ConfigurableProgram) {
    let help = SettingsHelp.text(for: program)
    let names = program.settings.map(\.name)
    #expect(Set(names).count == names.count)
    for setting in program.settings {
      #expect(help.contains(setting.isSecret ? setting.variable : setting.flag))
      #expect(setting.explanation.hasSuffix("."))
    }
  }

  private static func settings(
    _ program: ConfigurableProgram,
    _ arguments: [String]
  ) throws -> Settings {
    try Settings(for: program, arguments: arguments, environment: [:]) { _ in "" }
  }
}
