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

/// Getting started: reverse tunnels.
enum ReverseTunnelsPage {
  static func run() async throws {
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
      try await Self.serve(port: port) {
        try await Self.call(printers)
      }
    }
  }

  static func call(_ printers: ReverseTunnels<String>) async throws {
    try await printers.waitUntilReady(forKey: "shop-1")
    try await withGRPCClient(transport: printers.transport(forKey: "shop-1")) { client in
      let printer = Shop_Printer.Client(wrapping: client)
      let receipt = try await printer.printLabel(.with { $0.text = "hello" })
      print("printed by \(receipt.printer)")
    }
  }

  static func serve(port: Int, _ body: @Sendable () async throws -> Void) async throws {
    try await withGRPCClient(
      transport: .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: port),
        transportSecurity: .plaintext,
        config: .tunnelDefaults
      )
    ) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network, metadata: ["shop": "shop-1"]),
        services: [Printer(name: "shop-1")]
      ) { server in
        try await body()
        server.beginGracefulShutdown()  // takes no more RPCs, and lets those that are open end
      }
    }
  }
}
