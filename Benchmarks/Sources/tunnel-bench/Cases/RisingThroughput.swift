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

/// The throughput of one caller while something else grows.
struct RisingThroughput: Sendable {
  var workload: UnaryWorkload
  var caller: Caller
  var options: RunOptions

  /// Runs the workload in all rounds, after one that warms up what is new.
  func measure(
    _ bed: TestBed,
    _ variant: TestBed.Variant,
    name: String
  ) async throws -> Measurement {
    _ = try await self.caller.run(self.workload, for: self.options.duration)
    var rates: [Double] = []
    var results: [WorkloadResult] = []
    var cpu: [Double] = []
    for _ in 0 ..< self.options.rounds {
      let own = ProcessUsage.now().cpuMicroseconds
      let other = try await bed.control.usage().cpuMicroseconds
      let result = try await self.caller.run(self.workload, for: self.options.duration)
      let used =
        (ProcessUsage.now().cpuMicroseconds - own)
        + (try await bed.control.usage().cpuMicroseconds - other)
      rates.append(result.operationsPerSecond)
      cpu.append(Double(used) / Double(max(1, result.operations)))
      results.append(result)
    }
    var measurement = Measurement(
      name: name,
      mode: variant.mode.rawValue,
      settings: variant.settings.rawValue,
      rates: rates,
      unit: "rpc/s"
    )
    measurement.p50 = results.compactMap { $0.latencies.microseconds(atPercentile: 50) }.median
    measurement.p99 = results.compactMap { $0.latencies.microseconds(atPercentile: 99) }.median
    measurement.cpu = cpu.median
    return measurement
  }
}
