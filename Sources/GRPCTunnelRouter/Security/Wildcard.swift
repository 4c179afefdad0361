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

/// A pattern in which each `*` stands for any characters, or none.
struct Wildcard: Hashable, Sendable, CustomStringConvertible {
  /// What stands between the asterisks; a single one when there is none.
  private let parts: [String]

  init(_ pattern: String) {
    self.parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
  }

  var description: String {
    self.parts.joined(separator: "*")
  }

  func matches(_ text: String) -> Bool {
    guard let first = self.parts.first, let last = self.parts.last, self.parts.count > 1 else {
      return text == self.parts.first
    }
    var rest = Substring(text).utf8
    guard rest.starts(with: first.utf8) else { return false }
    rest = rest.dropFirst(first.utf8.count)
    guard rest.count >= last.utf8.count, rest.suffix(last.utf8.count).elementsEqual(last.utf8)
    else { return false }
    rest = rest.dropLast(last.utf8.count)
    // The first place for each part is as good as any later one: what follows has more room.
    for part in self.parts.dropFirst().dropLast() where !part.isEmpty {
      guard let end = Self.end(of: part.utf8, in: rest) else { return false }
      rest = rest[end...]
    }
    return true
  }

  private static func end(
    of part: String.UTF8View,
    in text: Substring.UTF8View
  ) -> Substring.UTF8View.Index? {
    var start = text.startIndex
    while start != text.endIndex {
      if text[start...].starts(with: part) {
        return text.index(start, offsetBy: part.count)
      }
      start = text.index(after: start)
    }
    return nil
  }
}
