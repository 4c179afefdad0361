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
internal import Synchronization

/// Forward tunnels: calls that belong together reach the same server, although a load balancer
/// stands before several.
///
/// Each server keeps baskets in its memory. The balancer sends every call to another server, and so
/// tears a customer's basket apart; all calls in one tunnel go the way that the tunnel went.
@main
struct ForwardAffinity {
  static func main() async throws {
    try await withServer("north") { north in
      try await withServer("south") { south in
        // The balancer: a client that sends each call to the next server. A proxy that balances
        // between client and servers has the same effect.
        try await withGRPCClient(
          transport: .http2NIOPosix(
            target: .ipv4(pairs: [north, south]),
            transportSecurity: .plaintext,
            config: .tunnelDefaults,
            serviceConfig: ServiceConfig(loadBalancingConfig: [.roundRobin])
          )
        ) { network in
          try await Self.waitUntilBalanced(network)
          try await Self.callDirectly(network)
          try await Self.callThroughTunnels(network)
        }
      }
    }
  }

  /// A server like any other, which offers its service through tunnels too. (One that is for tunnels
  /// only would not be registered beside the `TunnelService`.)
  static func withServer(
    _ name: String,
    _ body: @Sendable (_ address: (host: String, port: Int)) async throws -> Void
  ) async throws {
    let till = Till(server: name)
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: [till, TunnelService(services: [till])]
    ) { server in
      let address = try await server.listeningAddress?.ipv4
      try await body((host: "127.0.0.1", port: address?.port ?? 0))
    }
  }

  /// Without a tunnel a customer has a basket at each server.
  static func callDirectly(_ network: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
    let baskets = try await Self.shop(as: "ann", Shop_Till.Client(wrapping: network))
    print("ann, without a tunnel: \(baskets)")
    check("direct calls reach both servers", Set(baskets.keys) == ["north", "south"])
    check("no basket is whole", baskets.values.allSatisfy { $0 < 10 })
  }

  /// In a tunnel a customer has one basket, wherever that is.
  static func callThroughTunnels(_ network: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
    var servers: Set<String> = []
    for customer in ["bob", "cid", "dan", "eve"] {
      // The tunnel lives as long as this client, over one of the network client's connections. It
      // is not opened again when it is lost: the next one might end at the other server.
      let baskets = try await withGRPCClient(transport: .tunnel(over: network)) { client in
        try await Self.shop(as: customer, Shop_Till.Client(wrapping: client))
      }
      print("\(customer), through a tunnel: \(baskets)")
      check("\(customer)'s basket is whole", Array(baskets.values) == [10])
      servers.formUnion(baskets.keys)
    }
    check("the tunnels are spread over both servers", servers == ["north", "south"])
  }

  /// Buys ten articles; the size that the basket has at last, by server.
  static func shop<Transport: ClientTransport>(
    as customer: String,
    _ till: Shop_Till.Client<Transport>
  ) async throws -> [String: Int] {
    var sizes: [String: Int] = [:]
    for number in 1 ... 10 {
      let basket = try await till.add(
        .with {
          $0.customer = customer
          $0.article = "article \(number)"
        }
      )
      sizes[basket.server] = basket.articles.count
    }
    return sizes
  }

  /// The balancer connects to both servers by itself, and uses one alone until the other is there.
  static func waitUntilBalanced(_ network: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(10)
    while clock.now < end {
      let baskets = try await Self.shop(as: "somebody", Shop_Till.Client(wrapping: network))
      if baskets.count == 2 { return }
    }
    check("the balancer reaches both servers", false)
  }
}

/// Keeps baskets, in memory.
final class Till: Shop_Till.SimpleServiceProtocol {
  private let server: String
  private let baskets: Mutex<[String: [String]]>

  init(server: String) {
    self.server = server
    self.baskets = Mutex([:])
  }

  func add(request: Shop_Purchase, context: ServerContext) async throws -> Shop_Basket {
    let articles = self.baskets.withLock { baskets in
      baskets[request.customer, default: []].append(request.article)
      return baskets[request.customer, default: []]
    }
    return .with {
      $0.server = self.server
      $0.articles = articles
    }
  }
}
