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
internal import GRPCNIOTransportHTTP2
internal import X509

/// Who an agent or a caller has proven to be.
package struct Identity: Hashable, Sendable, CustomStringConvertible {
  /// The names that rules know it by, the most telling one first: `token:NAME` for the holder of a
  /// token; `dns:…`, `uri:…`, `email:…` for what a certificate says. At least one.
  package let names: [String]

  private init(names: [String]) {
    self.names = names
  }

  /// Nobody in particular: who was not asked.
  package static let anonymous = Identity(names: ["anonymous"])

  /// - Returns: nil when nothing was proven.
  init?(token: String?, certificate: [String]) {
    let names = (token.map { ["token:\($0)"] } ?? []) + certificate
    if names.isEmpty { return nil }
    self.init(names: names)
  }

  /// What stands for it in logs, and in the header for upstreams.
  package var description: String {
    self.names[0]
  }

  /// The names without their kinds, as agents use them for keys.
  var plainNames: [Substring] {
    self.names.compactMap { name in
      name.firstIndex(of: ":").map { name[name.index(after: $0)...] }
    }
  }

  /// The names in the certificate that a client has shown; none when there is no certificate.
  static func names(in context: (any ServerContext.TransportSpecific)?) -> [String] {
    let connection = context as? HTTP2ServerTransport.Posix.Context
    return connection?.peerCertificate.map { Self.names(in: $0) } ?? []
  }

  /// The names that a certificate gives its holder: the subject alternative names.
  static func names(in certificate: Certificate) -> [String] {
    guard let alternatives = try? certificate.extensions.subjectAlternativeNames else { return [] }
    let names: [String] = alternatives.compactMap { name in
      switch name {
      case .dnsName(let name): "dns:\(name)"
      case .uniformResourceIdentifier(let identifier): "uri:\(identifier)"
      case .rfc822Name(let address): "email:\(address)"
      default: nil
      }
    }
    // They are compared with rules, logged, and sent in headers.
    return names.filter { $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } }
  }
}
