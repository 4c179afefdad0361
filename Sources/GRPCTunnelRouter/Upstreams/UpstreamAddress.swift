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

package import GRPCNIOTransportHTTP2

/// Where a server is: at an address of the network, or at a socket of this machine.
package enum UpstreamAddress: Hashable, Sendable, CustomStringConvertible {
  case network(NetworkAddress)
  /// A Unix domain socket, by its path.
  case unix(path: String)

  private static let unixPrefix = "unix:"

  /// The longest path that fits into a socket address on every system.
  private static let maximumPathLength = 103

  /// Reads `HOST:PORT` or `unix:PATH`.
  package init(_ text: String) throws(SettingValueError) {
    guard text.hasPrefix(Self.unixPrefix) else {
      self = .network(try SettingValue.target(text))
      return
    }
    // "unix:///run/shop.sock" is how URLs have it.
    let path = text.dropFirst(Self.unixPrefix.count)
    let name = path.hasPrefix("///") ? path.dropFirst(2) : path
    guard (1 ... Self.maximumPathLength).contains(name.utf8.count), !name.utf8.contains(0) else {
      throw SettingValueError(
        text: text,
        reason: "is not a socket: its path has 1 to \(Self.maximumPathLength) bytes"
      )
    }
    self = .unix(path: String(name))
  }

  /// As it is written: what ``init(_:)`` reads.
  package var description: String {
    switch self {
    case .network(let address): address.description
    case .unix(let path): Self.unixPrefix + path
    }
  }

  /// What a client dials.
  package var target: any ResolvableTarget {
    switch self {
    case .network(let address): address.target
    case .unix(let path): .unixDomainSocket(path: path)
    }
  }
}
