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

internal import Benchmark
internal import BenchmarkService
internal import GRPCCore
internal import GRPCTunnel

/// How many allocations RPCs, messages and tunnels cost: both ends of a tunnel together, GRPCCore's
/// part included. The same without a tunnel tells how much of that GRPCCore's part is.
///
/// The carrier is GRPCCore's in-process transport, so that nothing of HTTP/2 is counted. RPCs follow
/// each other, which makes the figures repeatable: batches are as small as they get, and costs that
/// many RPCs share under load are borne by each.
enum AllocationBenchmarks {
  static func register() {
    Benchmark.defaultConfiguration = Benchmark.Configuration(
      metrics: [.allocations],
      warmupIterations: 3,
      maxDuration: .seconds(5),
      maxIterations: 30,
      // Counts repeat almost exactly; a little is left for other schedulers and C libraries.
      thresholds: [.allocations: BenchmarkThresholds(relative: [.p90: 10])]
    )

    Benchmark("unary-64B-direct") { benchmark in
      try await LocalTunnel.with { tunnel in
        try await benchmark.count(per: 200) {
          for _ in 0 ..< 200 { try await tunnel.direct.callOnce() }
        }
      }
    }
    Benchmark("unary-64B-tunnel") { benchmark in
      try await LocalTunnel.with { tunnel in
        try await benchmark.count(per: 200) {
          for _ in 0 ..< 200 { try await tunnel.client.callOnce() }
        }
      }
    }
    for (name, size) in [("64B", 64), ("16KiB", 16 * 1024), ("1MiB", 1024 * 1024)] {
      let messages = size > 100_000 ? 20 : 500
      Benchmark("echo-\(name)-direct") { benchmark in
        try await LocalTunnel.with { tunnel in
          try await benchmark.count(per: messages) {
            try await tunnel.direct.echo(messages, size: size)
          }
        }
      }
      Benchmark("echo-\(name)-tunnel") { benchmark in
        try await LocalTunnel.with { tunnel in
          try await benchmark.count(per: messages) {
            try await tunnel.client.echo(messages, size: size)
          }
        }
      }
    }
    Benchmark("open-tunnel") { benchmark in
      try await LocalTunnel.with { tunnel in
        try await benchmark.count(per: 20) {
          for _ in 0 ..< 20 { try await tunnel.openAnother() }
        }
      }
    }
  }
}

extension BenchmarkMetric {
  /// The library's own counter reads 0 here.
  static var allocations: BenchmarkMetric {
    .custom("allocations", polarity: .prefersSmaller, useScalingFactor: false)
  }
}
