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

/// Unary RPCs, 64 at a time, beside more and more that are open and do nothing.
struct ManyStreamsCase: BenchmarkCase {
  /// How many streams are open, in rising order.
  var counts: [Int]

  var name: String { "streams" }

  func run(options: RunOptions) async throws -> [Measurement] {
    var measurements: [Measurement] = []
    for mode in options.modes {
      let variant = TestBed.Variant(mode: mode, settings: .tuned)
      measurements += try await TestBed.with(variants: [variant], maximumStreams: 20_000) { bed in
        guard let caller = bed.callers[variant] else { return [] }
        let throughput = RisingThroughput(
          workload: UnaryWorkload(messageSize: 64, callers: 64),
          caller: caller,
          options: options
        )
        var measurements: [Measurement] = []
        for count in self.counts {
          try await caller.withIdleStreams(count) {
            let name = "streams-\(count)"
            measurements.append(try await throughput.measure(bed, variant, name: name))
          }
        }
        return measurements
      }
    }
    return measurements
  }
}
