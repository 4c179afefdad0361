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

internal import ArgumentParser
internal import Foundation
internal import GRPCTunnelAdmin
internal import GRPCTunnelRouter
internal import NIOSSL

/// Which router or agent is asked, and how.
struct AdminOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The admin address of a router or an agent. (or GRPC_TUNNEL_ADMIN)",
      valueName: "host:port"
    )
  )
  var admin: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Holds the token, where one is asked for. (or the token itself in GRPC_TUNNEL_ADMIN_TOKEN)",
      valueName: "file"
    )
  )
  var tokenFile: String?

  @Flag(name: .long, help: "Connect with TLS.")
  var tls = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Connect with TLS, and trust these authorities instead of the system's.",
      valueName: "file"
    )
  )
  var tlsCa: String?

  /// A client for the address.
  func client() throws -> AdminClient {
    let environment = ProcessInfo.processInfo.environment
    guard let text = self.admin ?? environment["GRPC_TUNNEL_ADMIN"], !text.isEmpty else {
      throw ValidationError(
        "--admin is missing: the address that the router's or agent's --admin has"
      )
    }
    let address: NetworkAddress
    do {
      address = try NetworkAddress(text)
    } catch {
      throw ValidationError("\(error)")
    }
    let token =
      try self.tokenFile.map { try FileContents.text(of: $0) }
      ?? environment["GRPC_TUNNEL_ADMIN_TOKEN"]
    return AdminClient(
      host: address.host,
      port: address.port,
      token: token?.trimmingCharacters(in: .whitespacesAndNewlines),
      tls: try self.tlsContext()
    )
  }

  private func tlsContext() throws -> NIOSSLContext? {
    guard self.tls || self.tlsCa != nil else { return nil }
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let path = self.tlsCa { configuration.trustRoots = .file(path) }
    return try NIOSSLContext(configuration: configuration)
  }
}

/// The standard output.
enum StandardOutput {
  /// Whether it shows colours: a terminal does, unless somebody has asked for none.
  static var isColoured: Bool {
    isatty(STDOUT_FILENO) == 1
      && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
  }

  /// Whoever reads from a pipe gets each line when it comes.
  static func flushLines() {
    setvbuf(stdout, nil, _IOLBF, 0)
  }

  static func printJSON(_ value: some Encodable) throws {
    print(String(decoding: try AdminJSON.encode(value), as: UTF8.self))
  }
}
