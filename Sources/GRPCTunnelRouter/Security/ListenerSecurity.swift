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

/// How an address of a router is secured.
package struct ListenerSecurity: Hashable, Sendable {
  /// The router's certificate; nil for connections that are not encrypted.
  package var certificate: CertificateFiles?

  /// The authorities whose certificates clients must show; nil when none are asked for.
  package var clientAuthorities: String?

  /// The tokens of which clients must show one; nil when none are asked for.
  package var tokens: String?

  /// Not secured at all.
  package init() {}

  /// Whether clients must prove who they are.
  var hasCredentials: Bool {
    self.clientAuthorities != nil || self.tokens != nil
  }

  /// What is wrong with it.
  ///
  /// - Parameters:
  ///   - setting: Names the address.
  ///   - names: The settings for clients' authorities and tokens.
  func problems(
    of address: NetworkAddress,
    setting: Setting,
    _ names: (authorities: Setting, tokens: Setting),
    isInsecureAllowed: Bool
  ) -> [String] {
    var problems: [String] = []
    if self.clientAuthorities != nil, self.certificate == nil {
      problems.append(
        "\(names.authorities.flag) needs TLS: give \(Setting.certificate.flag) and \(Setting.privateKey.flag)"
      )
    }
    if !isInsecureAllowed, !address.isLoopback {
      if self.certificate == nil {
        problems.append(
          """
          \(setting.flag) \(address) can be reached from other machines, and is not encrypted: give \
          \(Setting.certificate.flag) and \(Setting.privateKey.flag), or \(Setting.insecure.flag)
          """
        )
      }
      if !self.hasCredentials {
        problems.append(
          """
          \(setting.flag) \(address) can be reached from other machines, and lets everyone in: give \
          \(names.tokens.flag) or \(names.authorities.flag), or \(Setting.insecure.flag)
          """
        )
      }
    }
    return problems
  }
}
