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
internal import GRPCTunnelRouter

struct CheckConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-config",
    abstract: "Checks settings, and prints those that count.",
    discussion: """
      Takes the same flags, environment variables and file as the program itself. Prints all \
      settings as a file, with where each comes from, and without secrets; or everything that is \
      wrong.

        grpc-tunnel check-config router --config router.yaml
      """,
    subcommands: [Router.self, Agent.self]
  )

  struct Router: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "router",
      abstract: "Checks the settings of a router.",
      usage: "grpc-tunnel check-config router <settings>",
      discussion: SettingsHelp.text(for: .router)
    )

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() async throws {
      let settings = try Settings(for: .router, arguments: self.arguments)
      try await GRPCTunnelRouter.Router.checkFiles(of: RouterConfig(settings))
      print(settings.effectiveConfiguration, terminator: "")
    }
  }

  struct Agent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "agent",
      abstract: "Checks the settings of an agent.",
      usage: "grpc-tunnel check-config agent <settings>",
      discussion: SettingsHelp.text(for: .agent)
    )

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() async throws {
      let settings = try Settings(for: .agent, arguments: self.arguments)
      try await GRPCTunnelRouter.Agent.checkFiles(of: AgentConfig(settings))
      print(settings.effectiveConfiguration, terminator: "")
    }
  }
}
