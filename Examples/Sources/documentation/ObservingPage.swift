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

internal import CoreMetrics
internal import GRPCCore
internal import GRPCTunnel
internal import Logging
internal import Shop

/// Observing.
enum ObservingPage {
  static func run() async throws {
    let observability = TunnelObservability(
      logger: Logger(label: "tunnels"),
      metrics: MetricsSystem.factory
    )
    let printers = ReverseTunnels(keyHeader: "shop", observability: observability)
    let tunnels = TunnelService(
      services: [Printer(name: "office")],
      reverseTunnels: printers,
      observability: observability
    )
    try await Documentation.withNetwork(services: [tunnels]) { network in
      try await withGRPCClient(transport: .tunnel(over: network)) { client in
        let printer = Shop_Printer.Client(wrapping: client)
        let tunnel = try await printer.printLabel(.with { $0.text = "hello" }) { response in
          response.metadata[stringValues: TunnelID.metadataKey].first { _ in true }
        }
        check("a response says which tunnel it came through", tunnel?.hasPrefix("tunnel-") == true)
      }
    }
  }
}
