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
internal import GRPCTunnelAdmin

struct TunnelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tunnels",
    abstract: "Shows the tunnels of a running router or agent, and ends them.",
    discussion: """
      Asks the address that the program's --admin names.

        export GRPC_TUNNEL_ADMIN=127.0.0.1:9000
        grpc-tunnel tunnels list
        grpc-tunnel tunnels close tunnel-7 --reason 'moves to another rack'
      """,
    subcommands: [List.self, Describe.self, Drain.self, Close.self, Watch.self],
    defaultSubcommand: List.self
  )

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the tunnels.")

    @OptionGroup var options: AdminOptions

    @Option(help: "Only those of this key.")
    var key: String?

    @Flag(help: "Those that have closed within the last hour, and why.")
    var closed = false

    @Flag(help: "For programs: the answer of the API, on one line.")
    var json = false

    func run() async throws {
      var overview = try await self.options.client().overview()
      if let key = self.key {
        overview.tunnels.removeAll { $0.key != key }
        overview.closed.removeAll { $0.key != key }
      }
      if self.json { return try StandardOutput.printJSON(overview) }
      let isColoured = StandardOutput.isColoured
      print(
        self.closed
          ? overview.closedTable(isColoured: isColoured) : overview.table(isColoured: isColoured),
        terminator: ""
      )
    }
  }

  struct Describe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tells everything about one tunnel, open or closed."
    )

    @OptionGroup var options: AdminOptions

    @Argument(help: "The tunnel, such as tunnel-7.")
    var id: String

    @Flag(help: "For programs: the answer of the API, on one line.")
    var json = false

    func run() async throws {
      let tunnel = try await self.options.client().tunnel(self.id)
      if self.json { return try StandardOutput.printJSON(tunnel) }
      print(
        tunnel.description(now: Date(), isColoured: StandardOutput.isColoured),
        terminator: ""
      )
    }
  }

  struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lets a tunnel take no more RPCs; it closes when those that are open have ended.",
      discussion: "The agent opens another tunnel by itself."
    )

    @OptionGroup var options: AdminOptions

    @Argument(help: "The tunnel, such as tunnel-7.")
    var id: String

    func run() async throws {
      try await self.options.client().drain(self.id)
    }
  }

  struct Close: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Closes a tunnel at once; RPCs that are open in it fail with UNAVAILABLE.",
      discussion: """
        The agent opens another tunnel by itself. To keep it away, revoke its token.
        """
    )

    @OptionGroup var options: AdminOptions

    @Argument(help: "The tunnel, such as tunnel-7.")
    var id: String

    @Option(help: "Why: told to the agent, and in the log.")
    var reason: String?

    func run() async throws {
      try await self.options.client().close(self.id, reason: self.reason)
    }
  }

  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints a line whenever a tunnel opens, changes its state or closes.",
      discussion: "Begins with the tunnels that are there. Ends when the connection does."
    )

    @OptionGroup var options: AdminOptions

    @Flag(help: "For programs: what is new or changed each second, as JSON, on one line.")
    var json = false

    func run() async throws {
      StandardOutput.flushLines()
      var watch = TunnelWatch(isColoured: StandardOutput.isColoured)
      try await self.options.client().events { event in
        if self.json {
          switch event {
          case .overview(let overview): try StandardOutput.printJSON(overview)
          case .changes(let changes): try StandardOutput.printJSON(changes)
          }
        } else {
          for line in watch.lines(for: event) {
            print(line)
          }
        }
      }
      throw ExitCode.failure
    }
  }
}
