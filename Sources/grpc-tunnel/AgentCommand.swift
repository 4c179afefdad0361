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
internal import Foundation
internal import GRPCTunnelRouter
internal import Logging

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent",
    abstract: "Offers a gRPC server to the callers of a router.",
    usage: "grpc-tunnel agent <settings>",
    discussion: """
      Dials the router, registers under the key, and forwards every RPC that comes back through \
      the tunnel to the upstream, an ordinary gRPC server. A router or an upstream that is not there \
      is tried again; while the upstream is away, callers get UNAVAILABLE.

        grpc-tunnel agent --router 127.0.0.1:7001 --key shop-42 \\
          --upstream 127.0.0.1:50051

      SIGHUP makes it look for changed files at once. SIGTERM or SIGINT lets the RPCs that are open end; a second one ends the agent at once.

      \(SettingsHelp.text(for: .agent))
      """
  )

  @Argument(parsing: .allUnrecognized, help: .hidden)
  var arguments: [String] = []

  func run() async throws {
    let config = try AgentConfig(Settings(for: .agent, arguments: self.arguments))
    let logger = Logger(label: "agent", level: config.logLevel)
    let agent = try await Agent(config: config, logger: logger)
    let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
    try await withSignalHandling(logger: logger) {
      manager.notify(.stopping)
      agent.beginGracefulShutdown()
    } onReload: {
      await agent.reload()
    } run: {
      try await agent.run { manager.notify(.ready) }
    }
  }
}
