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

internal import GRPCCore
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Tokens")
struct TokenTests {
  /// The SHA-256 of "test".
  private static let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

  @Test("tokens are long, and never the same")
  func make() {
    let tokens = (0 ..< 100).map { _ in BearerToken.make() }
    #expect(Set(tokens).count == 100)
    #expect(tokens.allSatisfy { $0.hasPrefix("gtun_") && $0.count == 69 })
  }

  @Test("a token is known by its hash")
  func lookUp() throws {
    let table = try TokenTable("# a comment\n\n shop-42  sha256:\(Self.digest)  # more\r\n")
    #expect(table.name(of: "test") == "shop-42")
    for token in ["", "Test", "test ", Self.digest, "sha256:\(Self.digest)"] {
      #expect(table.name(of: token) == nil)
    }
  }

  @Test("a name may have several tokens")
  func several() throws {
    let text = TokenFile.adding("two", name: "a", to: TokenFile.adding("one", name: "a", to: ""))
    let table = try TokenTable(TokenFile.adding("three", name: "b", to: text))
    #expect(["one", "two", "three"].map { table.name(of: $0) } == ["a", "a", "b"])
  }

  @Test(
    "lines that are wrong, none of which is quoted",
    arguments: [
      "shop-42", "shop-42 gtun_secret", "shop-42 sha256:12", "shop-42 sha256:\(digest)0",
      "shop-42 sha256:\(digest.dropLast())x", "shop-42 \(digest)", "a b sha256:\(digest)",
      "shop-* sha256:\(digest)",
    ]
  )
  func wrong(line: String) {
    let error = #expect(throws: ConfigurationError.self) { try TokenTable("\n\(line)") }
    #expect(error?.problems == ["line 2: expected a name and 'sha256:' with 64 digits"])
  }

  @Test("revoking removes the lines of a name, and leaves the others alone")
  func revoke() {
    let text = "# one\na sha256:1\nab sha256:2  # a\n a sha256:3\nb sha256:4"
    let revoked = TokenFile.revoking("a", in: text)
    #expect(revoked.text == "# one\nab sha256:2  # a\nb sha256:4")
    #expect(revoked.count == 2)
    #expect(TokenFile.revoking("c", in: text).count == 0)
    #expect(TokenFile.revoking("c", in: text).text == text)
    #expect(TokenFile.revoking("b", in: "a sha256:1\r\nb sha256:2\r\n").text == "a sha256:1\n")
  }

  @Test(
    "headers with tokens",
    arguments: [
      ("Bearer test", "test"), ("bearer  test", "test"), ("BEARER test", "test"), ("Bearer ", ""),
      ("Basic test", nil), ("test", nil), ("Bearer", nil), ("", nil),
    ] as [(String, String?)]
  )
  func header(header: String, token: String?) {
    #expect(BearerToken.token(in: header).map(String.init) == token)
  }
}
