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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel

/// How long it takes until RPCs can be made: a tunnel on a connection that is there already
/// (`shared`), and with a connection of its own (`own`), which is compared with a direct connection.
///
/// One after another. Forward and direct, the time ends with the answer to the first RPC; reverse,
/// when the network server can call.
struct OpenTunnelCase: BenchmarkCase {
  var name: String { "open" }

  func run(options: RunOptions) async throws -> [Measurement] {
    var measurements: [Measurement] = []
    for variant in options.variants {
      measurements += try await TestBed.with(variants: [variant]) { bed in
        try await self.measurements(of: variant, in: bed, options: options)
      }
    }
    return measurements
  }

  private func measurements(
    of variant: TestBed.Variant,
    in bed: TestBed,
    options: RunOptions
  ) async throws -> [Measurement] {
    var measurements: [Measurement] = []
    for sharesConnection in variant.mode == .direct ? [false] : [false, true] {
      let latencies = try await self.latencies(
        of: variant,
        in: bed,
        sharesConnection: sharesConnection,
        for: options.duration
      )
      let p50 = latencies.microseconds(atPercentile: 50)
      var measurement = Measurement(
        name: "open-\(sharesConnection ? "shared" : "own")",
        mode: variant.mode.rawValue,
        settings: variant.settings.rawValue,
        rates: [p50.map { 1_000_000 / $0 } ?? 0],
        unit: "opened/s"
      )
      measurement.p50 = p50
      measurement.p99 = latencies.microseconds(atPercentile: 99)
      measurement.details = ["count": Double(latencies.count)]
      measurements.append(measurement)
    }
    return measurements
  }

  private func latencies(
    of variant: TestBed.Variant,
    in bed: TestBed,
    sharesConnection: Bool,
    for duration: Duration
  ) async throws -> LatencyRecorder {
    let port = variant.mode == .direct ? bed.directPort : bed.tunnelPorts[variant]
    guard let port else { return LatencyRecorder() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      let shared = try TestBed.client(port: port, settings: variant.settings)
      group.addTask { try await shared.runConnections() }

      var latencies = LatencyRecorder()
      let end = MonotonicTime.now().advanced(by: duration)
      // Some for the connection and the code to be warm, then at least as many as a percentile needs.
      for index in 0 ..< 2000 where index < 25 || MonotonicTime.now() < end {
        let start = MonotonicTime.now()
        let network =
          sharesConnection ? shared : try TestBed.client(port: port, settings: variant.settings)
        if !sharesConnection { group.addTask { try await network.runConnections() } }
        try await self.open(variant, over: network, in: bed, index: index, &group)
        if index >= 5 { latencies.record(start.duration(to: .now())) }
        if !sharesConnection { network.beginGracefulShutdown() }
      }
      return latencies
    }
  }

  /// Opens a tunnel, waits until it can be used, and closes it.
  private func open(
    _ variant: TestBed.Variant,
    over network: GRPCClient<HTTP2ClientTransport.Posix>,
    in bed: TestBed,
    index: Int,
    _ group: inout ThrowingTaskGroup<Void, any Error>
  ) async throws {
    switch variant.mode {
    case .direct:
      try await network.callOnce()
    case .forward:
      let client = GRPCClient(transport: .tunnel(over: network))
      group.addTask { try await client.runConnections() }
      try await client.callOnce()
      client.beginGracefulShutdown()
    case .reverse:
      let key = "open-\(index)"
      let server = GRPCServer(
        transport: .reverseTunnel(over: network, metadata: [DialOrder.keyHeader: "\(key)"]),
        services: [BenchmarkService()]
      )
      group.addTask { try await server.serve() }
      try await bed.listeners[variant.settings]?.agents.waitUntilReady(forKey: key)
      server.beginGracefulShutdown()
    }
  }
}
