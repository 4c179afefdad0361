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

/// What identities may do, as a file has it: a line for each permission. What no line permits is
/// refused.
///
///     # who                 may        key      methods, or none for all
///     token:shop-42         register   shop-42
///     dns:*.example.com     register   *        shop.v1.Orders
///     token:billing         call       shop-*   shop.v1.Orders/* grpc.health.v1.Health/Check
///
/// Everything but the second word is a pattern, in which `*` stands for any characters. What follows
/// the key of an agent are the services that it may announce, none if there are none.
struct AccessRules: Hashable, Sendable {
  private struct Rule: Hashable, Sendable {
    var identity: Wildcard
    var key: Wildcard
    /// The methods to call, none for all; or the services to announce.
    var subjects: [Wildcard]

    func applies(to identity: Identity, key: String) -> Bool {
      self.key.matches(key) && identity.names.contains { self.identity.matches($0) }
    }
  }

  private var registering: [Rule] = []
  private var calling: [Rule] = []

  init(_ text: String) throws(ConfigurationError) {
    var problems: [String] = []
    for line in TextLine.all(in: text) {
      guard line.words.count >= 3 else {
        problems.append(
          "line \(line.number): expected IDENTITY call KEY [METHOD ...] or IDENTITY register KEY [SERVICE ...]"
        )
        continue
      }
      let patterns = line.words.map { Wildcard(String($0)) }
      let rule = Rule(
        identity: patterns[0],
        key: patterns[2],
        subjects: Array(patterns.dropFirst(3))
      )
      switch line.words[1] {
      case "call" where rule.subjects.allSatisfy({ Self.isMethod("\($0)") }):
        self.calling.append(rule)
      case "call":
        problems.append(
          "line \(line.number): methods are written package.Service/Method or package.Service/*"
        )
      case "register" where rule.subjects.allSatisfy({ !"\($0)".contains("/") }):
        self.registering.append(rule)
      case "register":
        problems.append("line \(line.number): agents announce services, not methods")
      default:
        problems.append(
          "line \(line.number): '\(line.words[1])' is neither 'register' nor 'call'"
        )
      }
    }
    if !problems.isEmpty { throw ConfigurationError(problems) }
  }

  private static func isMethod(_ pattern: String) -> Bool {
    pattern == "*" || (pattern.contains("/") && !pattern.hasPrefix("/"))
  }

  /// Whether an agent may offer a server under a key, and announce services.
  func mayRegister(_ identity: Identity, key: String, services: [String]) -> Bool {
    let rules = self.registering.filter { $0.applies(to: identity, key: key) }
    return !rules.isEmpty
      && services.allSatisfy { service in
        rules.contains { $0.subjects.contains { $0.matches(service) } }
      }
  }

  /// Whether a caller may call a method of a server.
  func mayCall(_ identity: Identity, key: String, method: MethodDescriptor) -> Bool {
    let name = method.fullyQualifiedMethod
    return self.calling.contains { rule in
      rule.applies(to: identity, key: key)
        && (rule.subjects.isEmpty || rule.subjects.contains { $0.matches(name) })
    }
  }
}
