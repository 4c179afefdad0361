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

/// What a tunnel costs through which nothing goes.
struct IdleTunnelsCase: BenchmarkCase {
  var count: Int
  var sharesConnection: Bool

  var name: String {
    "idle-tunnels-\(self.sharesConnection ? "shared" : "own")-\(self.count)"
  }

  func run(options: RunOptions) async throws -> [Measurement] {
    var measurements: [Measurement] = []
    for mode in options.modes where mode != .direct {
      let variant = TestBed.Variant(mode: mode, settings: .tuned)
      measurements += try await TestBed.with(variants: [variant], maximumStreams: 20_000) { bed in
        var memory = try await MemoryGrowth(bed)
        switch mode {
        case .direct: ()
        case .forward: try await self.openForward(variant, bed) { try await memory.measure(bed) }
        case .reverse: try await self.openReverse(variant, bed) { try await memory.measure(bed) }
        }
        return memory.measurements(
          name: self.name,
          variant: variant,
          count: self.count,
          unit: "B/tunnel",
          // Named by who dialled, as in PROTOCOL.md.
          names: mode == .forward
            ? (own: "network-client", other: "network-server")
            : (own: "network-server", other: "network-client")
        )
      }
    }
    return measurements
  }

  private var tunnelsPerConnection: Int {
    self.sharesConnection ? self.count : 1
  }

  private func openReverse(
    _ variant: TestBed.Variant,
    _ bed: TestBed,
    _ body: () async throws -> Void
  ) async throws {
    guard let listener = bed.listeners[variant.settings], let port = bed.tunnelPorts[variant] else {
      return
    }
    var order = DialOrder(
      settings: variant.settings,
      port: port,
      tunnels: self.count,
      tunnelsPerConnection: self.tunnelsPerConnection
    )
    order.firstKey = 1
    try await bed.control.dial(order.bytes)
    try await listener.waitForTunnels(self.count + 1)
    try await body()
  }

  private func openForward(
    _ variant: TestBed.Variant,
    _ bed: TestBed,
    _ body: () async throws -> Void
  ) async throws {
    guard let port = bed.tunnelPorts[variant] else { return }
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      var count = 0
      while count < self.count {
        let network = try TestBed.client(port: port, settings: variant.settings)
        group.addTask { try await network.runConnections() }
        for _ in 0 ..< self.tunnelsPerConnection {
          let client = GRPCClient(
            transport: .tunnel(
              over: network,
              config: variant.settings.tunnel(maximumStreams: 20_000)
            )
          )
          group.addTask { try await client.runConnections() }
          // The tunnel is open when an RPC has gone through.
          try await client.callOnce()
          count += 1
        }
      }
      try await body()
    }
  }
}
