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
internal import Shop

/// Calls.
enum CallsPage {
  static func run() async throws {
    let tunnels = TunnelService(services: [Printer(name: "north")])
    try await Documentation.withNetwork(services: [tunnels]) { network in
      try await Self.call(network)
    }
  }

  static func call(_ network: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
    let retries = RetryPolicy(
      maxAttempts: 3,
      initialBackoff: .milliseconds(100),
      maxBackoff: .seconds(1),
      backoffMultiplier: 2,
      retryableStatusCodes: [.unavailable]
    )
    let config = ServiceConfig(
      methodConfig: [
        MethodConfig(
          names: [MethodConfig.Name(service: "shop.Printer")],
          executionPolicy: .retry(retries)
        )
      ]
    )
    try await withGRPCClient(transport: .tunnel(over: network, serviceConfig: config)) { client in
      let printer = Shop_Printer.Client(wrapping: client)
      var options = CallOptions.defaults
      options.timeout = .seconds(5)
      options.waitForReady = true
      options.maxResponseMessageBytes = 10_000_000
      let receipt = try await printer.printLabel(.with { $0.text = "hello" }, options: options)
      check("a call has options as without a tunnel", receipt.printer == "north")
    }
    let printers = ReverseTunnels(keyHeader: "shop")
    let shop = printers.transport(
      forKey: "shop-1",
      picker: .leastOutstanding,
      serviceConfig: config
    )
    let method = MethodDescriptor(fullyQualifiedService: "shop.Printer", method: "PrintLabel")
    check("a pool has a service config", shop.config(forMethod: method) != nil)
  }
}
