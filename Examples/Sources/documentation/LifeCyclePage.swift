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

/// Life cycle and drain.
enum LifeCyclePage {
  struct OfficeEndpoint: Hashable, Sendable {
    var host: String
    var port: Int
  }

  static func run() async throws {
    let directory = ShopDirectory()
    let printers = ReverseTunnels(
      keyHeader: "shop",
      onOpen: { tunnel, shop in try await directory.add(shop, tunnel.remotePeer) },
      onClose: { _, shop, _ in await directory.remove(shop) }
    )
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: [TunnelService(reverseTunnels: printers)]
    ) { server in
      let port = try await server.listeningAddress?.ipv4?.port ?? 0
      let (offices, update) = AsyncStream.makeStream(of: Set<OfficeEndpoint>.self)
      let transport = ReverseTunnelServerTransport(
        to: offices,
        metadata: ["shop": "shop-1"]
      ) { (endpoint: OfficeEndpoint) in
        GRPCClient(
          transport: try .http2NIOPosix(
            target: .ipv4(address: endpoint.host, port: endpoint.port),
            transportSecurity: .plaintext,
            config: .tunnelDefaults
          )
        )
      }
      let printer = EndlessPrinter()
      try await withThrowingTaskGroup(of: Void.self) { group in
        let shop = GRPCServer(transport: transport, services: [printer])
        group.addTask { try await shop.serve() }
        group.addTask { await Self.follow(printers) }
        update.yield([OfficeEndpoint(host: "127.0.0.1", port: port)])
        try await printers.waitUntilReady(forKey: "shop-1")
        let isListed = await directory.contains("shop-1")
        check("a tunnel takes RPCs once the directory has it", isListed)
        try await Self.printUntilShutdown(printers) { shop.beginGracefulShutdown() }
        try await group.next()
        group.cancelAll()
      }
    }
  }

  static func follow(_ printers: ReverseTunnels<String>) async {
    for await event in printers.events {
      switch event {
      case .opened(_, let shop):
        print("\(shop) is there")
      case .draining(_, let shop, let side):
        print("\(shop) will go, as \(side == .local ? "we" : "it") said")
      case .closed(_, let shop, let closure):
        print("\(shop) is gone, \(closure)")
      case .missed(let count):
        print("\(count) events were dropped, since nobody read them")
      }
    }
  }

  static func printUntilShutdown(
    _ printers: ReverseTunnels<String>,
    _ shutDown: @escaping @Sendable () -> Void
  ) async throws {
    try await withGRPCClient(transport: printers.transport(forKey: "shop-1")) { client in
      let printer = Shop_Printer.Client(wrapping: client)
      let pages = try await printer.printDocument(.with { $0.pageCount = .max }) { response in
        var count = 0
        for try await _ in response.messages {
          count += 1
          if count == 3 { shutDown() }
        }
        return count
      }
      check("a printer that shuts down ends its document", pages >= 3)
    }
  }
}

/// Knows which shops are there, and where.
actor ShopDirectory {
  private var addresses: [String: String] = [:]

  func add(_ shop: String, _ address: String) throws {
    self.addresses[shop] = address
  }

  func remove(_ shop: String) {
    self.addresses.removeValue(forKey: shop)
  }

  func contains(_ shop: String) -> Bool {
    self.addresses[shop] != nil
  }
}

/// Prints until it is told to stop.
struct EndlessPrinter: Shop_Printer.SimpleServiceProtocol {
  func printLabel(request: Shop_Label, context: ServerContext) async throws -> Shop_Receipt {
    .with { $0.text = request.text }
  }

  func printDocument(
    request: Shop_Document,
    response: RPCWriter<Shop_Page>,
    context: ServerContext
  ) async throws {
    var number: UInt32 = 0
    while number < request.pageCount, !context.cancellation.isCancelled {
      number += 1
      try await response.write(.with { $0.number = number })
    }
  }
}
