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

/// Reverse tunnels: a server calls the clients that have dialled it.
///
/// The printers of twenty shops stand behind firewalls, where nobody can dial them. Each dials the
/// office and offers its service through the tunnel that it opens; the office calls them by name.
@main
struct ReversePush {
  static let shops = (1 ... 20).map { "shop-\($0)" }

  static func main() async throws {
    // Gathers tunnels by a header that the printers send when they open theirs. Such a key is a
    // mere claim: see the examples of authorization.
    let printers = ReverseTunnels(keyHeader: "shop")
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
      try await withThrowingTaskGroup(of: Void.self) { group in
        let clients = try Self.shops.map { try PrinterClient(shop: $0, officePort: port) }
        for client in clients {
          group.addTask { try await client.run() }
        }
        try await Self.push(to: printers)
        for client in clients {
          client.beginGracefulShutdown()
        }
        try await group.waitForAll()
      }
    }
  }

  /// Prints at all shops at once, and then at whichever shop comes next.
  static func push(to printers: ReverseTunnels<String>) async throws {
    let receipts = try await withThrowingTaskGroup(of: (String, Shop_Receipt).self) { group in
      for shop in Self.shops {
        group.addTask {
          try await printers.waitUntilReady(forKey: shop)
          // A transport of the registry is as good as a connection to the printer: any generated
          // client works. It goes on working when the printer dials again.
          return try await withGRPCClient(transport: printers.transport(forKey: shop)) { client in
            let printer = Shop_Printer.Client(wrapping: client)
            return (shop, try await printer.printLabel(.with { $0.text = "For \(shop): -20 %" }))
          }
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for shop in Self.shops {
      print("\(shop): \(receipts[shop]?.text ?? "nothing")")
    }
    check("\(printers.tunnels.count) printers have dialled", printers.tunnels.count == 20)
    check(
      "each printer has answered for itself",
      Self.shops.allSatisfy { shop in
        receipts[shop]?.printer == shop && receipts[shop]?.text == "For \(shop): -20 %"
      }
    )

    // The transport of all tunnels uses them in turn.
    let used = try await withGRPCClient(transport: printers.transport) { client in
      let printer = Shop_Printer.Client(wrapping: client)
      var used: Set<String> = []
      for number in 1 ... 20 {
        used.insert(try await printer.printLabel(.with { $0.text = "\(number)" }).printer)
      }
      return used
    }
    check("20 labels for anyone were printed by \(used.count) printers", used.count == 20)
  }
}

/// A printer: a client on the network, a server in the tunnel.
struct PrinterClient: Sendable {
  let network: GRPCClient<HTTP2ClientTransport.Posix>
  let server: GRPCServer<ReverseTunnelServerTransport>

  init(shop: String, officePort: Int) throws {
    self.network = GRPCClient(
      transport: try .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: officePort),
        transportSecurity: .plaintext,
        config: .tunnelDefaults
      )
    )
    self.server = GRPCServer(
      transport: .reverseTunnel(over: self.network, metadata: ["shop": "\(shop)"]),
      services: [Printer(name: shop)]
    )
  }

  /// Dials, and serves; dials again whenever the tunnel is lost.
  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.network.runConnections() }
      try await self.server.serve()
      // The tunnel lives on the network client's connection, which so ends last.
      self.network.beginGracefulShutdown()
    }
  }

  func beginGracefulShutdown() {
    self.server.beginGracefulShutdown()
  }
}
