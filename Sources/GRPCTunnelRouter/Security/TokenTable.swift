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

internal import Crypto

/// The tokens that are valid, as a file has them: a line for each, with the name of its holder and the
/// SHA-256 of the token.
///
///     # The till in the shop
///     shop-42 sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
///
/// A name may have several tokens, so that one can follow another.
struct TokenTable: Sendable {
  private struct Entry: Sendable {
    var name: String
    var digest: [UInt8]
  }

  private var entries: [Entry] = []

  init(_ text: String) throws(ConfigurationError) {
    var problems: [String] = []
    for line in TextLine.all(in: text) {
      guard line.words.count == 2, TokenFile.isName(String(line.words[0])),
        let digest = Self.digest(line.words[1])
      else {
        // The line is not quoted: it may be a token, put there by mistake.
        problems.append("line \(line.number): expected a name and 'sha256:' with 64 digits")
        continue
      }
      self.entries.append(Entry(name: String(line.words[0]), digest: digest))
    }
    if !problems.isEmpty { throw ConfigurationError(problems) }
  }

  /// Whose token it is; nil when it is not valid.
  func name(of token: some StringProtocol) -> String? {
    let digest = BearerToken.digest(of: token)
    var name: String?
    // All are compared, and each of them (by Crypto) in a time that does not depend on its bytes.
    for entry in self.entries where digest == entry.digest {
      name = name ?? entry.name
    }
    return name
  }

  private static func digest(_ word: Substring) -> [UInt8]? {
    let prefix = "sha256:"
    let digits = word.dropFirst(prefix.count)
    guard word.hasPrefix(prefix), digits.utf8.count == 64 else { return nil }
    let nibbles = digits.utf8.compactMap { digit in
      digit < 0x80 ? Character(Unicode.Scalar(digit)).hexDigitValue : nil
    }
    guard nibbles.count == 64 else { return nil }
    return stride(from: 0, to: 64, by: 2).map { UInt8(nibbles[$0] * 16 + nibbles[$0 + 1]) }
  }
}

/// Changes the text of a file of tokens, and leaves the rest of it alone.
package enum TokenFile {
  /// Adds a token.
  package static func adding(_ token: String, name: String, to text: String) -> String {
    let separator = text.isEmpty || text.hasSuffix("\n") ? "" : "\n"
    let digest = BearerToken.hexadecimal(BearerToken.digest(of: token))
    return text + separator + "\(name) sha256:\(digest)\n"
  }

  /// Removes all tokens of a name.
  ///
  /// - Returns: The text, and how many tokens the name had.
  package static func revoking(_ name: String, in text: String) -> (text: String, count: Int) {
    let numbers = Set(TextLine.all(in: text).filter { $0.words[0] == name }.map(\.number))
    if numbers.isEmpty { return (text, 0) }
    // As lines are counted; an editor may have ended them in another way.
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    let rest = lines.enumerated().filter { !numbers.contains($0.offset + 1) }.map(\.element)
    return (rest.joined(separator: "\n"), numbers.count)
  }

  /// Whether a name can stand in a file of tokens, and in rules, where an asterisk is for any name.
  package static func isName(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { byte in
        byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#") && byte != UInt8(ascii: "*")
      }
  }
}
