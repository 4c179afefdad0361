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
internal import NIOCore
internal import NIOPosix

/// An address that a person has written: a host name or IP address, and a port.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `HOST:PORT`, where an IPv6 address stands in brackets.
  package init(_ text: String) throws(SettingValueError) {
    guard let colon = text.lastIndex(of: ":") else {
      throw Self.malformed(text, "the port is missing")
    }
    let port = text[text.index(after: colon)...]
    let isNumber =
      (1 ... 5).contains(port.utf8.count) && port.utf8.allSatisfy { (48 ... 57).contains($0) }
    guard isNumber, let number = Int(port), number <= 65_535 else {
      throw Self.malformed(text, "the port is not a number from 0 to 65535")
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard Self.isIPv6(host) else {
        throw Self.malformed(text, "what stands in brackets is not an IPv6 address")
      }
    } else if host.contains(":") {
      throw Self.malformed(text, "an IPv6 address stands in brackets")
    }
    guard !host.isEmpty else {
      throw Self.malformed(
        text,
        "the host is missing (127.0.0.1 for this machine alone, 0.0.0.0 for every interface)"
      )
    }
    guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }) else {
      throw Self.malformed(text, "the host is not a name")
    }
    self.init(host: String(host), port: number)
  }

  /// As it is written: what ``init(_:)`` reads.
  package var description: String {
    self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }

  private static func malformed(_ text: String, _ reason: String) -> SettingValueError {
    SettingValueError(
      text: text,
      reason: """
        is not an address: \(reason); expected HOST:PORT, such as 127.0.0.1:50051 or [::1]:50051
        """
    )
  }

  private static func isIPv6(_ text: Substring) -> Bool {
    switch try? NIOCore.SocketAddress(ipAddress: String(text), port: 0) {
    case .v6: true
    case .v4, .unixDomainSocket, .none: false
    }
  }
}

extension NetworkAddress {
  /// What a client dials: names are looked up when it connects, again for each new connection.
  package var target: any ResolvableTarget {
    switch try? NIOCore.SocketAddress(ipAddress: self.host, port: self.port) {
    case .v4: .ipv4(address: self.host, port: self.port)
    case .v6: .ipv6(address: self.host, port: self.port)
    case .unixDomainSocket, .none: .dns(host: self.host, port: self.port)
    }
  }

  /// Looks a name up, for a server to listen on.
  func socketAddress() async throws(RouterError) -> NIOCore.SocketAddress {
    do {
      return try await NIOThreadPool.singleton.runIfActive {
        try NIOCore.SocketAddress.makeAddressResolvingHost(self.host, port: self.port)
      }
    } catch {
      throw RouterError("cannot find the host of '\(self)'", cause: error)
    }
  }

  /// Whether it is reached from this machine alone. A name is not looked up: only `localhost` counts.
  var isLoopback: Bool {
    switch try? NIOCore.SocketAddress(ipAddress: self.host, port: self.port) {
    case .v4: self.host.hasPrefix("127.")
    case .v6: self.host == "::1"
    case .unixDomainSocket, .none: self.host.lowercased() == "localhost"
    }
  }

  /// The address that a server listens on; nil for other sockets.
  init?(_ address: GRPCNIOTransportHTTP2.SocketAddress) {
    if let ipv4 = address.ipv4 {
      self.init(host: ipv4.host, port: ipv4.port)
    } else if let ipv6 = address.ipv6 {
      self.init(host: ipv6.host, port: ipv6.port)
    } else {
      return nil
    }
  }
}
