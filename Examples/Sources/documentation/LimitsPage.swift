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
internal import GRPCTunnel
internal import Shop

/// Limits.
enum LimitsPage {
  static func run() async throws {
    let config = TunnelConfig.defaults { config in
      config.limits.maximumMessageSize = 1024 * 1024
      config.limits.maximumTunnelsPerKey = 4
      config.timeouts.handshake = .seconds(5)
    }
    let agents = ReverseTunnels(keyHeader: "agent-id", config: config)

    let tunnels = TunnelService(reverseTunnels: agents)
    try await Documentation.withNetwork(services: [tunnels]) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network, metadata: ["agent-id": "shop-42"]),
        services: [Printer(name: "shop-42")]
      ) { _ in
        try await agents.waitUntilReady()
        try await withGRPCClient(transport: agents.transport(forKey: "shop-42")) { client in
          let printer = Shop_Printer.Client(wrapping: client)
          // Its receipt repeats what is on the label.
          let long = String(repeating: "-", count: 2 * 1024 * 1024)
          do {
            _ = try await printer.printLabel(.with { $0.text = long })
            check("a response beyond the limit fails", false)
          } catch let error as RPCError {
            check("a response beyond the limit fails", error.code == .resourceExhausted)
          }
          let receipt = try await printer.printLabel(.with { $0.text = "hello" })
          check("and harms no other RPC", receipt.printer == "shop-42")
        }
      }
    }
  }
}
