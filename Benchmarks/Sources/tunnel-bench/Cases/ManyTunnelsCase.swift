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

internal import BenchmarkService
internal import GRPCCore
internal import GRPCTunnel

/// Unary RPCs, 64 at a time, spread over more and more reverse tunnels.
struct ManyTunnelsCase: BenchmarkCase {
  /// How many tunnels are open, in rising order.
  var counts: [Int]

  var name: String { "tunnels" }

  /// The tunnels that share a connection.
  private static let tunnelsPerConnection = 100

  func run(options: RunOptions) async throws -> [Measurement] {
    let variant = TestBed.Variant(mode: .reverse, settings: .tuned)
    return try await TestBed.with(variants: [variant], maximumStreams: 20_000) { bed in
      guard let listener = bed.listeners[variant.settings], let port = bed.tunnelPorts[variant]
      else {
        return []
      }
      let client = GRPCClient(transport: listener.agents.transport)
      return try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await client.runConnections() }
        let throughput = RisingThroughput(
          workload: UnaryWorkload(messageSize: 64, callers: 64),
          caller: .reverse(client),
          options: options
        )
        var count = 1
        var measurements: [Measurement] = []
        for next in self.counts {
          if next > count {
            var order = DialOrder(
              settings: variant.settings,
              port: port,
              tunnels: next - count,
              tunnelsPerConnection: Self.tunnelsPerConnection
            )
            order.firstKey = count
            try await bed.control.dial(order.bytes)
            try await listener.waitForTunnels(next)
            count = next
          }
          measurements.append(
            try await throughput.measure(bed, variant, name: "tunnels-\(next)")
          )
        }
        return measurements
      }
    }
  }
}
