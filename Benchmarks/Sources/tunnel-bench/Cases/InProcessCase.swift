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

/// The workloads of the throughput cases within one process: no tunnel can be faster than what GRPCCore
/// takes for itself.
struct InProcessCase: BenchmarkCase {
  var name: String { "in-process" }

  func run(options: RunOptions) async throws -> [Measurement] {
    try await InProcessClient.with { client in
      var measurements: [Measurement] = []
      for throughput in ThroughputCase.all {
        _ = try await throughput.workload.run(on: client, for: options.duration / 4)
        var results: [WorkloadResult] = []
        var cpu: [Double] = []
        for _ in 0 ..< options.rounds {
          let start = ProcessUsage.now().cpuMicroseconds
          let result = try await throughput.workload.run(on: client, for: options.duration)
          let used = ProcessUsage.now().cpuMicroseconds - start
          results.append(result)
          cpu.append(Double(used) / Double(max(1, result.operations)))
        }
        var measurement = Measurement(
          name: throughput.name,
          mode: "in-process",
          settings: TransportSettings.default.rawValue,
          rates: results.map { throughput.unit.rate(of: $0) },
          unit: throughput.unit.rawValue
        )
        measurement.cpu = cpu.median
        measurements.append(measurement)
      }
      return measurements
    }
  }
}
