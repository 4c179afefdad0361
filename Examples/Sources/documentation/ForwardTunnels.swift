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

/// Getting started: forward tunnels.
enum ForwardTunnels {
  static func run() async throws {
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext,
          config: .tunnelDefaults
        )
      ),
      services: [TunnelService(services: [Printer(name: "north")])]
    ) { server in
      let port = try await server.listeningAddress?.ipv4?.port ?? 0
      try await Self.call(port: port)
    }
    let tunnels = TunnelService(services: [Printer(name: "north")])
    try await Documentation.withNetwork(services: [tunnels]) { network in
      try await Self.reconnect(network)
    }
  }

  static func call(port: Int) async throws {
    try await withGRPCClient(
      transport: .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: port),
        transportSecurity: .plaintext,
        config: .tunnelDefaults
      )
    ) { network in
      try await withGRPCClient(transport: .tunnel(over: network)) { client in
        let printer = Shop_Printer.Client(wrapping: client)
        let receipt = try await printer.printLabel(.with { $0.text = "hello" })
        print("printed by \(receipt.printer)")
      }
    }
  }

  static func reconnect(_ network: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
    let transport = TunnelClientTransport(over: network, reconnect: .defaults)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await transport.connect() }
      group.addTask { await Self.follow(transport) }
      for await state in transport.states {
        if case .ready = state { break }
      }
      transport.beginGracefulShutdown()
      try await group.waitForAll()
    }
  }

  static func follow(_ transport: TunnelClientTransport) async {
    for await state in transport.states {
      switch state {
      case .ready(_, let tunnel, replacing: .some):
        print("\(tunnel.id): the server may be another one now")
      case .backingOff(let error, _):
        print("lost: \(error)")
      case .idle, .connecting, .ready, .draining, .stopped:
        continue
      }
    }
  }
}
