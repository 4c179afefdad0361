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

private import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelNIO
internal import Logging
internal import ServiceLifecycle
internal import Shop

/// Servers at both ends of a tunnel as services of swift-service-lifecycle: on SIGTERM they take no
/// more RPCs, let the open ones end, and then end themselves.
@main
struct ServiceLifecycleExample {
  static func main() async throws {
    let printers = ReverseTunnels(keyHeader: "shop")
    let office = GRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: [TunnelService(reverseTunnels: printers)]
    )
    // Two programs in one: the office's, and the shop's.
    let officeGroup = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [.init(service: ServerService(server: office))],
        logger: Logger(label: "office")
      )
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await officeGroup.run() }
      let port = try await office.listeningAddress?.ipv4?.port ?? 0

      // The shop's program gets SIGTERM while its printer prints.
      let shop = try Self.shop(officePort: port)
      group.addTask { try await shop.run() }
      var pages = try await Self.printDocument(printers) { kill(getpid(), SIGTERM) }
      check("the shop ends once all pages are printed", pages == [1, 2, 3, 4, 5])
      try await group.next()
      check("no printer is left", printers.tunnels.isEmpty)

      // The office's program ends while another printer prints.
      let next = try Self.shop(officePort: port)
      group.addTask { try await next.run() }
      pages = try await Self.printDocument(printers) { await officeGroup.triggerGracefulShutdown() }
      check("the office ends once all pages are printed", pages == [1, 2, 3, 4, 5])
      try await group.next()
      await next.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }

  /// The shop's program: a client on the network, and the server that is called through it.
  static func shop(officePort: Int) throws -> ServiceGroup {
    let network = GRPCClient(
      transport: try .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: officePort),
        transportSecurity: .plaintext,
        config: .tunnelDefaults
      )
    )
    let printer = GRPCServer(
      transport: .reverseTunnel(over: network, metadata: ["shop": "shop-1"]),
      services: [Printer(name: "shop-1")]
    )
    // Services end in the reverse order of this list, each after the one behind it has: the network
    // client is needed until the tunnel has been drained.
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: ClientService(client: network)),
        .init(service: ServerService(server: printer)),
      ],
      gracefulShutdownSignals: [.sigterm],
      logger: Logger(label: "shop")
    )
    // Draining takes 30 s at most by itself (`TunnelConfig.timeouts.drain`); this is for what else
    // could hold the program up.
    configuration.maximumGracefulShutdownDuration = .seconds(40)
    return ServiceGroup(configuration: configuration)
  }

  /// Prints five pages, and does something when the first is there: the numbers of all that come.
  static func printDocument(
    _ printers: ReverseTunnels<String>,
    afterFirstPage: @escaping @Sendable () async -> Void
  ) async throws -> [Int] {
    try await printers.waitUntilReady(forKey: "shop-1")
    return try await withGRPCClient(transport: printers.transport(forKey: "shop-1")) { client in
      let printer = Shop_Printer.Client(wrapping: client)
      return try await printer.printDocument(.with { $0.pageCount = 5 }) { response in
        var pages: [Int] = []
        for try await page in response.messages {
          print("page \(page.number)")
          pages.append(Int(page.number))
          if pages.count == 1 { await afterFirstPage() }
        }
        return pages
      }
    }
  }
}

/// Any gRPC server as a service.
struct ServerService<Transport: ServerTransport>: Service {
  let server: GRPCServer<Transport>

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await self.server.serve()
    } onGracefulShutdown: {
      self.server.beginGracefulShutdown()
    }
  }
}

/// Any gRPC client as a service.
struct ClientService<Transport: ClientTransport>: Service {
  let client: GRPCClient<Transport>

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await self.client.runConnections()
    } onGracefulShutdown: {
      self.client.beginGracefulShutdown()
    }
  }
}
