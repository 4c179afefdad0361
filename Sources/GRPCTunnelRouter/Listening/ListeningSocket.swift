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
private import Glibc
#elseif canImport(Musl)
private import Musl
#endif

internal import GRPCTunnel
internal import NIOCore

/// A socket that listens, for any number of listeners: each has a descriptor of its own, and
/// connections wait in the socket when there is none for a moment.
final class ListeningSocket: Sendable {
  /// nil when it is closed.
  private let descriptor: LockedValue<CInt?>

  /// Binds a socket, and listens.
  ///
  /// - Throws: `IOError`.
  init(_ address: SocketAddress) throws {
    #if canImport(Glibc)
    let type = CInt(SOCK_STREAM.rawValue)
    #else
    let type = SOCK_STREAM
    #endif
    let descriptor = socket(address.protocol.rawValue, type, 0)
    guard descriptor >= 0 else { throw Self.error("socket") }
    var isReady = false
    defer {
      if !isReady { close(descriptor) }
    }
    var on: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    guard
      fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0,
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size) == 0
    else {
      throw Self.error("setsockopt")
    }
    guard address.withSockAddr({ bind(descriptor, $0, socklen_t($1)) }) == 0 else {
      throw Self.error("bind")
    }
    guard listen(descriptor, SOMAXCONN) == 0 else { throw Self.error("listen") }
    self.descriptor = LockedValue(descriptor)
    isReady = true
  }

  deinit {
    self.stop()
  }

  /// Stops listening, once the servers have given back their descriptors: nobody is left waiting for
  /// a server that does not come.
  func stop() {
    let descriptor = self.descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
    if let descriptor { close(descriptor) }
  }

  /// Makes a server that has a descriptor of the same socket, which it must close.
  ///
  /// - Throws: `IOError`, and what the closure throws.
  func withDuplicate<Server>(_ makeServer: (_ descriptor: Int) throws -> Server) throws -> Server {
    let duplicate = try self.descriptor.withLock { descriptor in
      let duplicate = fcntl(descriptor ?? -1, F_DUPFD_CLOEXEC, 0)
      guard duplicate >= 0 else { throw Self.error("dup") }
      return duplicate
    }
    do {
      return try makeServer(Int(duplicate))
    } catch {
      close(duplicate)
      throw error
    }
  }

  private static func error(_ function: StaticString) -> IOError {
    IOError(errnoCode: errno, reason: "\(function)")
  }
}
