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

/// Tells what has started this process how it is, as systemd's `sd_notify` does: by datagrams to the
/// socket that the environment names.
package struct ServiceManager: Sendable {
  /// What there is to tell.
  package enum State: String, Sendable {
    /// It does what it is for.
    case ready = "READY=1"
    /// It has been asked to end, and does so.
    case stopping = "STOPPING=1"
  }

  /// The variable with the path of the socket.
  private static let variable = "NOTIFY_SOCKET"

  /// nil when nobody wants to know.
  private let path: String?

  /// - Parameter environment: The variables of the process.
  package init(environment: [String: String]) {
    self.path = environment[Self.variable].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Tells it, if anybody wants to know. Whether it arrives is no matter to this process.
  package func notify(_ state: State) {
    guard let path = self.path else { return }
    #if canImport(Glibc)
    let type = CInt(SOCK_DGRAM.rawValue)
    #else
    let type = SOCK_DGRAM
    #endif
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A socket without a file has a zero where an at sign is written.
    let name = path.hasPrefix("@") ? [0] + path.utf8.dropFirst() : Array(path.utf8)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard name.count < capacity else { return }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    // The name of such a socket ends with the address.
    let isAbstract = path.hasPrefix("@")
    let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 0
    let length = isAbstract ? offset + name.count : MemoryLayout<sockaddr_un>.size
    let message = Array(state.rawValue.utf8)
    _ = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        sendto(descriptor, message, message.count, 0, pointer, socklen_t(length))
      }
    }
  }
}
