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

/// A pattern for the hosts that callers call, in which `*` is the key: `*.tunnels.example.com`.
package struct AuthorityPattern: Hashable, Sendable {
  private let prefix: String
  private let suffix: String

  /// - Throws: ``SettingValueError`` when there is not exactly one asterisk in it.
  package init(_ text: String) throws(SettingValueError) {
    let parts = text.lowercased().split(separator: "*", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw SettingValueError(
        text: text,
        reason: "is not a pattern with one asterisk, such as *.tunnels.example.com"
      )
    }
    self.prefix = String(parts[0])
    self.suffix = String(parts[1])
  }

  /// The key in a host, in lower case: one label of its name, or a part of one; nil when the host does
  /// not match.
  func key(in authority: String) -> String? {
    let host = Self.host(in: authority).lowercased()
    guard host.utf8.count > self.prefix.utf8.count + self.suffix.utf8.count,
      host.hasPrefix(self.prefix), host.hasSuffix(self.suffix)
    else { return nil }
    let key = host.dropFirst(self.prefix.count).dropLast(self.suffix.count)
    return key.contains(".") ? nil : String(key)
  }

  /// Without the port.
  private static func host(in authority: String) -> Substring {
    guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else {
      return Substring(authority)
    }
    return authority[..<colon]
  }
}
