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
internal import GRPCTunnel
internal import GRPCTunnelNIO
internal import Shop
internal import X509

/// Authorization by certificate: a tunnel is registered under the name in the certificate with which
/// its client has proved who it is (mTLS), and refused when that is nobody who may open one.
@main
struct CertificateAuthorization {
  static func main() async throws {
    let authority = try Authority("the office's authority")
    let printers = ReverseTunnels { request in
      try shop(of: request)
    }
    let identity = try authority.issue("office", names: [.dnsName("office.example")])
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          // Without a certificate of this authority nobody gets as far as opening a tunnel.
          transportSecurity: .mTLS(
            certificateChain: [identity.certificate],
            privateKey: identity.privateKey
          ) { tls in
            tls.trustRoots = .certificates([authority.root])
          },
          config: .tunnelDefaults
        )
      ),
      services: [TunnelService(reverseTunnels: printers)]
    ) { office in
      let port = try await office.listeningAddress?.ipv4?.port ?? 0
      let dialler = Dialler(port: port, root: authority.root)

      let shop7 = try authority.issue("printer", names: [.dnsName("shop-7.printers.example")])
      try await dialler.serve(as: shop7, name: "the printer of shop 7") {
        try await printers.waitUntilReady(forKey: "shop-7")
        let receipt = try await withGRPCClient(
          transport: printers.transport(forKey: "shop-7")
        ) { client in
          try await Shop_Printer.Client(wrapping: client).printLabel(.with { $0.text = "Hello" })
        }
        print("shop-7: \(receipt.printer) has printed \"\(receipt.text)\"")
        check("the certificate says who it is", printers.tunnels.map(\.key) == ["shop-7"])
      }

      // Certificates of the same authority that are for something else: known, but not allowed to.
      let till = try authority.issue("till", names: [.dnsName("shop-7.tills.example")])
      try await dialler.expectRefusal(of: till, "a till", .permissionDenied)
      let greedy = try authority.issue(
        "printer",
        names: [.dnsName("shop-7.printers.example"), .dnsName("shop-8.printers.example")]
      )
      try await dialler.expectRefusal(of: greedy, "a printer of two shops", .permissionDenied)

      // The right name, but vouched for by somebody else: TLS does not let it in.
      let forged = try Authority("somebody else's authority")
        .issue("printer", names: [.dnsName("shop-7.printers.example")])
      try await dialler.expectRefusal(of: forged, "a forged certificate", .unavailable)
      check("none of them was registered", printers.tunnels.isEmpty)
    }
  }

  /// The shop whose printer opens a tunnel: its certificate has the one name `SHOP.printers.example`.
  ///
  /// - Throws: `RPCError`, with which the tunnel is refused.
  static func shop(of request: TunnelRequest) throws -> String {
    // What the carrier's transport knows of the client. TLS has verified the certificate.
    let context = request.transportSpecific as? HTTP2ServerTransport.Posix.Context
    guard let certificate = context?.peerCertificate else {
      throw RPCError(code: .unauthenticated, message: "A client certificate is needed.")
    }
    let domain = ".printers.example"
    let names = (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames()
    let shops = names.compactMap { name -> Substring? in
      guard case .dnsName(let name) = name, name.hasSuffix(domain) else { return nil }
      return name.dropLast(domain.count)
    }
    guard shops.count == 1, let shop = shops.first, !shop.isEmpty else {
      throw RPCError(code: .permissionDenied, message: "This certificate is not a printer's.")
    }
    return String(shop)
  }
}

/// Dials the office with one certificate or another.
struct Dialler {
  var port: Int
  /// The authority that vouches for the office.
  var root: TLSConfig.CertificateSource

  /// Offers a printer at the office while `body` runs.
  func serve(
    as identity: Identity,
    name: String,
    _ body: @Sendable () async throws -> Void
  ) async throws {
    try await withGRPCClient(transport: try self.transport(identity)) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network),
        services: [Printer(name: name)]
      ) { _ in
        try await body()
      }
    }
  }

  /// Dials, and is to be refused.
  func expectRefusal(of identity: Identity, _ name: String, _ code: RPCError.Code) async throws {
    // By default a reverse server dials again after every refusal. This one gives up, for the
    // example is to end.
    var giveUp = TunnelReconnectPolicy.defaults
    giveUp.finalCodes.insert(code)
    try await withGRPCClient(transport: try self.transport(identity)) { network in
      let server = GRPCServer(
        transport: .reverseTunnel(over: network, reconnect: giveUp),
        services: [Printer(name: name)]
      )
      do {
        try await server.serve()
        check("\(name): refused", false)
      } catch let error as RuntimeError {
        // The server's error holds the tunnel's, which holds the status of the refusal.
        let refusal = (error.cause as? TunnelError)?.cause as? RPCError
        print("\(name): \(refusal?.code.description ?? "-"), \(refusal?.message ?? "-")")
        check("\(name): refused", refusal?.code == code)
      }
    }
  }

  private func transport(_ identity: Identity) throws -> HTTP2ClientTransport.Posix {
    try .http2NIOPosix(
      target: .ipv4(address: "127.0.0.1", port: self.port),
      transportSecurity: .mTLS(
        certificateChain: [identity.certificate],
        privateKey: identity.privateKey
      ) { tls in
        tls.trustRoots = .certificates([self.root])
      },
      // The name that the office's certificate must have.
      config: .tunnelDefaults { $0.http2.authority = "office.example" }
    )
  }
}
