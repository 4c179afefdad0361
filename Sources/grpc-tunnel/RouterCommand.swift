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

struct RouterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "router",
    abstract: "Forwards RPCs of callers to agents.",
    usage: "grpc-tunnel router <settings>",
    discussion: """
      Agents open their tunnels to one address, callers make RPCs to the other. The header \
      'tunnel-key' of an RPC, the host that it calls or its service says to which agent it goes; \
      agents of the same key share the RPCs. Any method is forwarded, with its metadata, deadline and \
      messages, compressed or not. Addresses that other machines reach need TLS, and tokens or \
      certificates of clients.

        grpc-tunnel router --tunnel-address 127.0.0.1:7001 --address 127.0.0.1:7000

      SIGHUP makes it look for changed files at once. SIGTERM or SIGINT lets the RPCs that are open end; a second one ends the router at once.

      \(SettingsHelp.text(for: .router))
      """
  )

  @Argument(parsing: .allUnrecognized, help: .hidden)
  var arguments: [String] = []

  func run() async throws {
    let config = try RouterConfig(Settings(for: .router, arguments: self.arguments))
    let logger = Logger(label: "router", level: config.logLevel)
    let router = try await Router(config: config, logger: logger)
    let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
    try await withSignalHandling(logger: logger) {
      manager.notify(.stopping)
      router.beginGracefulShutdown()
    } onReload: {
      await router.reload()
    } run: {
      try await router.run { manager.notify(.ready) }
    }
  }
}
