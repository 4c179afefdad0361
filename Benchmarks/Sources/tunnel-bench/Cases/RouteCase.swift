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
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2

/// A call that others pass on: from the caller to `grpc-tunnel router`, through the tunnel of
/// `grpc-tunnel agent`, and to the server; beside a direct call, and one through nginx where that is
/// installed.
struct RouteCase: BenchmarkCase {
  var name: String { "route" }

  private static let key = "bench"

  func run(options: RunOptions) async throws -> [Measurement] {
    let variant = TestBed.Variant(mode: .direct, settings: .default)
    return try await TestBed.with(variants: [variant]) { bed in
      guard let upstream = bed.directPort, let direct = bed.callers[variant] else { return [] }
      let programs = RoutePrograms()
      defer { programs.end() }
      return try await withThrowingTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        var routes: [(name: String, caller: Caller)] = [("direct", direct)]
        let ports = [
          ("router", try programs.startRouterAndAgent(upstream: upstream, key: Self.key)),
          ("nginx", try programs.startNginx(upstream: upstream)),
        ]
        for case (let name, let port?) in ports {
          let client = try TestBed.client(port: port, settings: .default)
          group.addTask { try await client.runConnections() }
          try await self.waitUntilReady(client)
          routes.append((name, .direct(client)))
        }
        return try await self.measurements(of: routes, options: options)
      }
    }
  }

  /// The parts of a route start in any order, and find each other after a while.
  private func waitUntilReady(_ client: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
    var attempts = 0
    while true {
      do {
        try await client.callOnce(metadata: ["tunnel-key": "\(Self.key)"])
        return
      } catch {
        attempts += 1
        if attempts == 100 { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  private func measurements(
    of routes: [(name: String, caller: Caller)],
    options: RunOptions
  ) async throws -> [Measurement] {
    var measurements: [Measurement] = []
    for callers in [1, 64] {
      let workload = UnaryWorkload(
        messageSize: 64,
        callers: callers,
        metadata: ["tunnel-key": "\(Self.key)"]
      )
      var results = [[WorkloadResult]](repeating: [], count: routes.count)
      for round in 0 ..< options.rounds {
        for offset in routes.indices {
          let index = (offset + round) % routes.count
          results[index].append(
            try await routes[index].caller.run(workload, for: options.duration)
          )
        }
      }
      let direct = results[0].map(\.operationsPerSecond)
      for (route, results) in zip(routes, results) {
        var measurement = Measurement(
          name: "route-unary-64B-c\(callers)",
          mode: route.name,
          settings: TransportSettings.default.rawValue,
          rates: results.map(\.operationsPerSecond),
          unit: "rpc/s"
        )
        measurement.ratio = zip(measurement.rates, direct).map { $0 / $1 }.median
        measurement.p50 = results.compactMap { $0.latencies.microseconds(atPercentile: 50) }.median
        measurement.p99 = results.compactMap { $0.latencies.microseconds(atPercentile: 99) }.median
        measurements.append(measurement)
      }
    }
    return measurements
  }
}
