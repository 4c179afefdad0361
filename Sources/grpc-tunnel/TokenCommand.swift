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

struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Makes and revokes tokens of agents and callers.",
    discussion: """
      A token lets an agent or a caller in. The router knows only its hash, from the file that \
      --agent-tokens or --caller-tokens names; it reads the file again when that has changed.

        grpc-tunnel token new shop-42 --file agents.tokens --output shop-42.token
        grpc-tunnel token revoke shop-42 --file agents.tokens
      """,
    subcommands: [New.self, Revoke.self]
  )

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a token, and adds its hash to a file.",
      discussion: """
        The token is printed this once, or written to a file of its own, and kept nowhere else. A name may have several tokens: to change \
        one, make another, and revoke the name's old lines in the file when it is in use.
        """
    )

    @Argument(help: "The name of who will have the token. Rules know it as 'token:NAME'.")
    var name: String

    @Option(help: "The file of hashes. It is made if there is none.")
    var file: String

    @Option(
      help: "A new file for the token, which only you may read. It is printed if none is given."
    )
    var output: String?

    func run() throws {
      guard TokenFile.isName(self.name) else {
        throw ValidationError(
          "'\(self.name)' is not a name: it must be of printable ASCII characters but # and *"
        )
      }
      let token = BearerToken.make()
      if let output {
        try RouterError.naming(output) { try FileReplacement.create(output, "\(token)\n") }
      }
      do {
        try RouterError.naming(self.file) {
          try FileReplacement.change(self.file) {
            TokenFile.adding(token, name: self.name, to: $0)
          }
        }
      } catch {
        if let output { FileReplacement.remove(output) }
        throw error
      }
      if self.output == nil { print(token) }
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Removes all tokens of a name from a file.",
      discussion: """
        The router closes the tunnels, and ends the RPCs, that were let in with them, when it has \
        read the file again.
        """
    )

    @Argument(help: "The name that was given when the token was made.")
    var name: String

    @Option(help: "The file of hashes.")
    var file: String

    func run() throws {
      var count = 0
      try RouterError.naming(self.file) {
        try FileReplacement.change(self.file) { text in
          let revoked = TokenFile.revoking(self.name, in: text)
          count = revoked.count
          if count == 0 { throw RouterError("there is no token of '\(self.name)'") }
          return revoked.text
        }
      }
      print("revoked \(count == 1 ? "the token" : "\(count) tokens") of \(self.name)")
    }
  }
}
