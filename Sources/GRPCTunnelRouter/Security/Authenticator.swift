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

/// Finds out who agents or callers are.
struct Authenticator: Sendable {
  /// The tokens of which everyone must show one; nil when none are asked for.
  var tokens: TokenTable?

  /// Whether everyone has shown a certificate, as the transport has seen to.
  var hasCertificates: Bool

  /// Where a token may be instead of ``authorizationHeader``, for callers that need that one for the
  /// server which they call.
  static let tokenHeader = "tunnel-authorization"

  static let authorizationHeader = "authorization"

  /// Tells who it is.
  ///
  /// - Parameters:
  ///   - metadata: Of the RPC. What was meant for this end is removed, so that no token gets further.
  ///   - certificate: The names in the client's certificate, which the transport has verified.
  func identify(
    _ metadata: inout Metadata,
    certificate: [String]
  ) throws(RPCError) -> Identity {
    let own = Self.takeValue(of: Self.tokenHeader, from: &metadata)
    var name: String?
    if let tokens = self.tokens {
      guard let header = own ?? Self.takeValue(of: Self.authorizationHeader, from: &metadata) else {
        throw RPCError(
          code: .unauthenticated,
          message: "A bearer token is needed, in the header '\(Self.authorizationHeader)'."
        )
      }
      guard let token = BearerToken.token(in: header), let known = tokens.name(of: token) else {
        throw RPCError(code: .unauthenticated, message: "The bearer token is not valid.")
      }
      name = known
    }
    if let identity = Identity(token: name, certificate: certificate) { return identity }
    guard self.hasCertificates else { return .anonymous }
    throw RPCError(
      code: .unauthenticated,
      message: "The client's certificate has no subject alternative name."
    )
  }

  /// The last value, and removes all.
  private static func takeValue(of key: String, from metadata: inout Metadata) -> String? {
    var value: String?
    for string in metadata[stringValues: key] {
      value = string
    }
    metadata.removeAllValues(forKey: key)
    return value
  }
}
