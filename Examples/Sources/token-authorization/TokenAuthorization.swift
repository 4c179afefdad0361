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

internal import Crypto
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelNIO
internal import Shop

/// Authorization by token: a tunnel is registered under the name that its token stands for, and
/// refused when its token stands for nobody.
///
/// A header is a mere claim, and whoever may choose a key receives the RPCs that are meant for it.
/// So the key comes from what the client has proved. Send tokens over TLS only; this example does
/// without since it stays on the loopback interface.
@main
struct TokenAuthorization {
  static func main() async throws {
    let tokens = TokenTable([
      "shop-1": "a token from your secret store",
      "shop-2": "another one",
    ])
    // Called for each tunnel before it opens. It may be asynchronous, and ask another server. Beside
    // it nothing of the tunnel is trusted: `ReverseTunnels(keyHeader:)` would take any client's word.
    let printers = ReverseTunnels { request in
      try tokens.shop(for: request.metadata)
    }
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: [TunnelService(reverseTunnels: printers)]
    ) { office in
      let port = try await office.listeningAddress?.ipv4?.port ?? 0
      try await withGRPCClient(
        transport: .http2NIOPosix(
          target: .ipv4(address: "127.0.0.1", port: port),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ) { network in
        try await Self.dialWithToken(network, printers)
        try await Self.dialWithoutToken(network, printers)
      }
    }
  }

  /// Who has a token is called by the name that belongs to it, whatever it says of itself.
  static func dialWithToken(
    _ network: GRPCClient<HTTP2ClientTransport.Posix>,
    _ printers: ReverseTunnels<String>
  ) async throws {
    try await withGRPCServer(
      transport: .reverseTunnel(
        over: network,
        metadata: ["authorization": "Bearer another one", "shop": "shop-1"]
      ),
      services: [Printer(name: "the printer of shop 2")]
    ) { _ in
      try await printers.waitUntilReady(forKey: "shop-2")
      let receipt = try await withGRPCClient(
        transport: printers.transport(forKey: "shop-2")
      ) { client in
        try await Shop_Printer.Client(wrapping: client).printLabel(.with { $0.text = "Hello" })
      }
      print("shop-2: \(receipt.printer) has printed \"\(receipt.text)\"")
      check("the token says who it is", printers.tunnels.map(\.key) == ["shop-2"])

      // A token that is good no more: its tunnels are closed, and the next ones refused.
      for printer in printers.tunnels where printer.key == "shop-2" {
        let reason = RPCError(code: .unauthenticated, message: "The token was revoked.")
        printers.close(printer.tunnel.id, reason: reason)
      }
    }
  }

  /// Who has none, or a wrong one, is refused.
  static func dialWithoutToken(
    _ network: GRPCClient<HTTP2ClientTransport.Posix>,
    _ printers: ReverseTunnels<String>
  ) async throws {
    // By default a reverse server dials again after every refusal, if after longer waits: tokens
    // are renewed, and rules change. This one gives up, for the example is to end.
    var giveUp = TunnelReconnectPolicy.defaults
    giveUp.finalCodes.insert(.unauthenticated)
    let attempts: [(String, Metadata)] = [
      ("without a token", [:]),
      ("with a wrong token", ["authorization": "Bearer a token from somewhere else"]),
      ("with a right token, but not as a bearer's", ["authorization": "Basic another one"]),
    ]
    for (name, metadata) in attempts {
      let server = GRPCServer(
        transport: .reverseTunnel(over: network, metadata: metadata, reconnect: giveUp),
        services: [Printer(name: "nobody")]
      )
      do {
        try await server.serve()
        check("\(name): refused", false)
      } catch let error as RuntimeError {
        // The server's error holds the tunnel's, which holds the status of the refusal.
        let refusal = (error.cause as? TunnelError)?.cause as? RPCError
        print("\(name): \(refusal?.code.description ?? "-"), \(refusal?.message ?? "-")")
        check("\(name): refused", refusal?.code == .unauthenticated)
      }
    }
    check("none of them was registered", printers.tunnels.isEmpty)
  }
}

/// The tokens of the shops. Only their digests are kept: who reads them has no token.
struct TokenTable: Sendable {
  private let digests: [(shop: String, digest: SHA256.Digest)]

  init(_ tokens: [String: String]) {
    self.digests = tokens.map { (shop: $0.key, digest: SHA256.hash(data: Data($0.value.utf8))) }
  }

  /// The shop to which the request's bearer token belongs.
  ///
  /// - Throws: `RPCError` with `unauthenticated`, always with the same words, so that nobody learns
  ///   how far off a guess was.
  func shop(for metadata: Metadata) throws -> String {
    let refusal = RPCError(code: .unauthenticated, message: "A valid bearer token is needed.")
    let scheme = "Bearer "
    guard let value = metadata[stringValues: "authorization"].first(where: { _ in true }),
      value.hasPrefix(scheme)
    else {
      throw refusal
    }
    let digest = SHA256.hash(data: Data(value.dropFirst(scheme.count).utf8))
    // Digests are compared in constant time, and all of them are: how long it takes says nothing
    // about the tokens.
    var shop: String?
    for entry in self.digests where entry.digest == digest {
      shop = entry.shop
    }
    guard let shop else { throw refusal }
    return shop
  }
}
