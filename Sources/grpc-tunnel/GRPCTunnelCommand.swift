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

@main
struct GRPCTunnelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grpc-tunnel",
    abstract: "Makes gRPC servers reachable that cannot be dialled.",
    discussion: """
      An agent next to the server dials a router and keeps a tunnel open; the router forwards the \
      RPCs of callers through it. Neither needs to know the services.

        grpc-tunnel router --tunnel-address 127.0.0.1:7001 --address 127.0.0.1:7000
        grpc-tunnel agent --router 127.0.0.1:7001 --key shop-42 \\
          --upstream 127.0.0.1:50051

      A caller then calls 127.0.0.1:7000 with the header 'tunnel-key: shop-42'. See it at work in \
      one process with 'grpc-tunnel demo'.
      """,
    version: Version.current,
    subcommands: [
      RouterCommand.self, AgentCommand.self, TokenCommand.self, CheckConfigCommand.self,
      TunnelsCommand.self, DiagCommand.self, DemoCommand.self,
    ]
  )
}
