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

#if canImport(Darwin)
private import Darwin
#elseif canImport(Glibc)
@preconcurrency private import Glibc
#elseif canImport(Musl)
@preconcurrency private import Musl
#endif

internal import NIOPosix

extension NetworkAddress {
  /// All addresses of the host, each with the port. Asks the system, which may take its time.
  ///
  /// - Throws: ``RouterError``.
  var allAddresses: Set<NetworkAddress> {
    get async throws {
      try await NIOThreadPool.singleton.runIfActive { try self.lookUp() }
    }
  }

  private func lookUp() throws -> Set<NetworkAddress> {
    var hints = addrinfo()
    #if canImport(Glibc)
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    #else
    hints.ai_socktype = SOCK_STREAM
    #endif
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(self.host, nil, &hints, &first)
    guard code == 0 else { throw RouterError(String(cString: gai_strerror(code))) }
    defer { freeaddrinfo(first) }
    var addresses: Set<NetworkAddress> = []
    var next = first
    while let entry = next?.pointee {
      var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let result = getnameinfo(
        entry.ai_addr,
        entry.ai_addrlen,
        &host,
        socklen_t(host.count),
        nil,
        0,
        NI_NUMERICHOST
      )
      if result == 0 {
        let bytes = host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let text = String(decoding: bytes, as: UTF8.self)
        addresses.insert(NetworkAddress(host: text, port: self.port))
      }
      next = entry.ai_next
    }
    return addresses
  }
}
