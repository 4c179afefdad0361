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
internal import GRPCTunnelAdmin
internal import GRPCTunnelRouter

struct DiagCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diag",
    abstract: "Collects what a bug report needs, as text.",
    discussion: """
      Asks a running router or agent for its version, its settings without secrets, its tunnels, \
      those that have closed of late, and its metrics. Look it over before you send it: it holds \
      keys, addresses and paths.

        grpc-tunnel diag --admin 127.0.0.1:9000 > diag.txt
      """
  )

  @OptionGroup var options: AdminOptions

  func run() async throws {
    let client = try self.options.client()
    let overview = try await client.overview()
    var program = overview
    program.tunnels = []
    program.closed = []
    print("# Program (this command is version \(Version.current))")
    try StandardOutput.printJSON(program)
    print("\n# Settings\n\(try await client.configuration())")
    print("# Tunnels, \(overview.tunnels.count)")
    for tunnel in overview.tunnels {
      try StandardOutput.printJSON(tunnel)
    }
    print("\n# Closed within the last hour, \(overview.closed.count)")
    for tunnel in overview.closed {
      try StandardOutput.printJSON(tunnel)
    }
    print("\n# Metrics\n\(try await client.metrics())", terminator: "")
  }
}
