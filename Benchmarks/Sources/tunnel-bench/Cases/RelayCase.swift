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

/// A long path: one bulk stream, small RPCs, and both at once.
struct RelayCase: BenchmarkCase {
  /// The time from one end to the other and back, in milliseconds.
  var milliseconds: Int

  /// The bulk stream alone, small RPCs alone, and the two beside each other.
  var name: String { "relay-\(self.milliseconds)ms" }

  private let bulk = DownloadWorkload(messageSize: 1024 * 1024)
  private let small = UnaryWorkload(messageSize: 64, callers: 4)

  private struct Run: Sendable {
    var bulk: [Double] = []
    var small: [WorkloadResult] = []
    var smallBeside: [WorkloadResult] = []
    var bulkBeside: [Double] = []
  }

  func run(options: RunOptions) async throws -> [Measurement] {
    try await TestBed.with(
      variants: options.variants,
      roundTrip: .milliseconds(self.milliseconds)
    ) { bed in
      var runs: [TestBed.Variant: Run] = [:]
      // Windows that grow need some round trips for it.
      let duration = max(options.duration, .milliseconds(self.milliseconds * 20))
      for round in 0 ..< max(1, options.rounds / 2) {
        for index in options.variants.indices {
          let variant = options.variants[(index + round) % options.variants.count]
          guard let caller = bed.callers[variant] else { continue }
          let bulk = try await caller.run(self.bulk, for: duration)
          let small = try await caller.run(self.small, for: duration)
          async let beside = caller.run(self.bulk, for: duration)
          let smallBeside = try await caller.run(self.small, for: duration)
          let bulkBeside = try await beside
          runs[variant, default: Run()].bulk.append(bulk.mebibytesPerSecond)
          runs[variant, default: Run()].small.append(small)
          runs[variant, default: Run()].smallBeside.append(smallBeside)
          runs[variant, default: Run()].bulkBeside.append(bulkBeside.mebibytesPerSecond)
        }
      }
      return self.measurements(of: runs, variants: options.variants)
    }
  }

  private func measurements(
    of runs: [TestBed.Variant: Run],
    variants: [TestBed.Variant]
  ) -> [Measurement] {
    let parts = ["bulk", "small", "small-beside-bulk", "bulk-beside-small"]
    return parts.flatMap { part in
      variants.compactMap { variant in
        guard let run = runs[variant] else { return nil }
        let name = "\(self.name)-\(part)"
        switch part {
        case "bulk": return self.measurement(name, variant, run.bulk)
        case "bulk-beside-small": return self.measurement(name, variant, run.bulkBeside)
        case "small": return self.measurement(name, variant, run.small)
        default: return self.measurement(name, variant, run.smallBeside)
        }
      }
    }
  }

  private func measurement(
    _ name: String,
    _ variant: TestBed.Variant,
    _ rates: [Double]
  ) -> Measurement {
    Measurement(
      name: name,
      mode: variant.mode.rawValue,
      settings: variant.settings.rawValue,
      rates: rates,
      unit: "MiB/s"
    )
  }

  private func measurement(
    _ name: String,
    _ variant: TestBed.Variant,
    _ results: [WorkloadResult]
  ) -> Measurement {
    var measurement = Measurement(
      name: name,
      mode: variant.mode.rawValue,
      settings: variant.settings.rawValue,
      rates: results.map(\.operationsPerSecond),
      unit: "rpc/s"
    )
    measurement.p50 = results.compactMap { $0.latencies.microseconds(atPercentile: 50) }.median
    measurement.p99 = results.compactMap { $0.latencies.microseconds(atPercentile: 99) }.median
    return measurement
  }
}
