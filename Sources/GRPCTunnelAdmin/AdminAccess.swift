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

internal import NIOCore
internal import NIOHTTP1

/// Who may use an admin address.
package struct AdminAccess: Sendable {
  /// Without a token only from loopback; then what web sites make a browser ask must be told from what a
  /// person asks.
  private let host: String
  private let isTokenValid: (@Sendable (Substring) -> Bool)?

  /// - Parameters:
  ///   - host: The name or address on which it listens.
  ///   - isTokenValid: nil when no token is asked for.
  package init(host: String, isTokenValid: (@Sendable (Substring) -> Bool)?) {
    self.host = host
    self.isTokenValid = isTokenValid
  }

  /// The header that a request which changes something must have: a web site cannot make the browser of
  /// a visitor send it to another one.
  package static let header = "x-grpc-tunnel-admin"

  /// Checks that a request is meant for this address.
  ///
  /// A site can give its own name the address 127.0.0.1, and its scripts may then read what they get
  /// from there. They do so under that name; and have no token.
  func checkHost(_ request: HTTPRequest) throws(AdminError) {
    if self.isTokenValid != nil { return }
    let hosts = request.headers["host"]
    guard hosts.count == 1, let name = Self.host(of: hosts[0]), self.isOwn(name) else {
      throw AdminError(
        .misdirectedRequest,
        "The host of the request is neither an IP address, nor 'localhost', nor the host of --admin."
      )
    }
  }

  /// Checks that who asks may ask.
  func checkToken(_ request: HTTPRequest) throws(AdminError) {
    guard let isTokenValid = self.isTokenValid else { return }
    let headers = request.headers["authorization"]
    guard headers.count == 1, headers[0].prefix(7).lowercased() == "bearer ",
      isTokenValid(headers[0].dropFirst(7).drop { $0 == " " })
    else {
      throw AdminError(
        .unauthorized,
        headers.isEmpty ? "A bearer token is needed." : "The bearer token is not valid."
      )
    }
  }

  /// Checks that no other site has made the request.
  func checkSite(_ request: HTTPRequest) throws(AdminError) {
    guard request.headers[Self.header] == ["1"] else {
      throw AdminError(.forbidden, "The header '\(Self.header): 1' is missing.")
    }
    let origins = request.headers["origin"]
    let hosts = request.headers["host"]
    let isOwn = origins.allSatisfy { origin in
      hosts.contains { origin == "http://\($0)" || origin == "https://\($0)" }
    }
    if !isOwn { throw AdminError(.forbidden, "The request comes from another site.") }
  }

  private func isOwn(_ name: String) -> Bool {
    if name == "localhost" || name == self.host.lowercased() { return true }
    return (try? SocketAddress(ipAddress: name, port: 0)) != nil
  }

  /// The host in a `Host` header, without the port.
  private static func host(of header: String) -> String? {
    let text = header.lowercased()
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      return String(text[text.index(after: text.startIndex) ..< end])
    }
    let name = text.prefix { $0 != ":" }
    return name.isEmpty ? nil : String(name)
  }
}
