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
internal import Logging

struct RouterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "router",
    abstract: "Forwards RPCs of callers to agents.",
    discussion: """
      Agents open their tunnels to one address, callers make RPCs to the other. The header \
      'tunnel-key' of an RPC says to which agent it goes; when several agents have the same key, \
      they are used in turn. Any method is forwarded, with its metadata, deadline and messages of \
      up to 4 MiB, compressed or not. The connections are not encrypted.

        grpc-tunnel router --tunnel-address 127.0.0.1:7001 --address 127.0.0.1:7000

      SIGTERM or SIGINT lets the RPCs that are open end, for up to 30 seconds; a second one ends \
      the router at once.
      """
  )

  @Option(
    help: ArgumentHelp(
      "Where agents open tunnels; with port 0 the system chooses one. Required.",
      valueName: "host:port"
    ),
    transform: { try NetworkAddress($0) }
  )
  var tunnelAddress: NetworkAddress

  @Option(
    help: ArgumentHelp(
      "Where callers make RPCs; with port 0 the system chooses one. Required.",
      valueName: "host:port"
    ),
    transform: { try NetworkAddress($0) }
  )
  var address: NetworkAddress

  @OptionGroup var logging: LoggingOptions

  func run() async throws {
    let config = RouterConfig(tunnelAddress: self.tunnelAddress, callerAddress: self.address)
    let logger = self.logging.logger("router")
    let router = try await Router(config: config, logger: logger)
    try await withSignalHandling(logger: logger) {
      router.beginGracefulShutdown()
    } run: {
      try await router.run()
    }
  }
}
