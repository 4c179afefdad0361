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

/// The Swift end of the interop tests with another implementation of the protocol.
@main
struct InteropPeer: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "interop-peer",
      abstract: "The Swift end of the interop tests.",
      discussion: """
        The servers run until they are told to end. The clients run their checks once, say how \
        each went, and fail when one of them failed.
        """,
      subcommands: [
        ForwardServer.self, ForwardClient.self, ReverseServer.self, ReverseCaller.self,
        Direct.self, RestartNetworkServer.self, RestartReverseServer.self,
      ]
    )
  }
}
