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

/// Choosing a key.
enum KeysPage {
  struct Station: Hashable, Sendable {
    var name: String
    var region: String
  }

  /// Knows where stations are.
  struct Directory: Sendable {
    func region(of name: String) async throws -> String? {
      name == "harbour" ? "north" : nil
    }
  }

  static func run() async throws {
    let directory = Directory()
    let stations = ReverseTunnels { request in
      guard let name = request.metadata[stringValues: "station"].first(where: { !$0.isEmpty }),
        let region = try await directory.region(of: name)
      else {
        throw RPCError(code: .permissionDenied, message: "This station is not known.")
      }
      return Station(name: name, region: region)
    }
    let tunnels = TunnelService(reverseTunnels: stations)
    try await Documentation.withNetwork(services: [tunnels]) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network, metadata: ["station": "harbour"]),
        services: [Printer(name: "harbour")]
      ) { _ in
        try await stations.waitUntilReady()
        let north = stations.transport(forKey: Station(name: "harbour", region: "north"))
        try await withGRPCClient(transport: north) { client in
          let printer = Shop_Printer.Client(wrapping: client)
          let receipt = try await printer.printLabel(.with { $0.text = "hello" })
          check("the key function has asked the directory", receipt.printer == "harbour")
        }
      }
    }
  }
}
