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

/// What an RPC costs through which nothing goes: in a tunnel, directly, and within one process, which
/// is what GRPCCore's own part comes to.
struct IdleStreamsCase: BenchmarkCase {
  var count: Int

  var name: String { "idle-streams-\(self.count)" }

  func run(options: RunOptions) async throws -> [Measurement] {
    var measurements: [Measurement] = []
    for mode in options.modes {
      let variant = TestBed.Variant(mode: mode, settings: .tuned)
      measurements += try await TestBed.with(variants: [variant], maximumStreams: 20_000) { bed in
        guard let caller = bed.callers[variant] else { return [] }
        var memory = try await MemoryGrowth(bed)
        try await caller.withIdleStreams(self.count) { try await memory.measure(bed) }
        return memory.measurements(
          name: self.name,
          variant: variant,
          count: self.count,
          unit: "B/stream",
          names: (own: "client", other: "server")
        )
      }
    }
    return measurements + [try await self.runInProcess()]
  }

  /// Both ends in this process, and nothing of ours between them.
  private func runInProcess() async throws -> Measurement {
    try await InProcessClient.with { client in
      ProcessUsage.trim()
      let start = ProcessUsage.now()
      var end = start
      try await client.withIdleStreams(self.count) {
        try await Task.sleep(for: .milliseconds(500))
        ProcessUsage.trim()
        end = .now()
      }
      let growth = { (start: UInt64, end: UInt64) in
        (Double(end) - Double(start)) / Double(self.count)
      }
      var measurement = Measurement(
        name: "\(self.name)-both",
        mode: "in-process",
        settings: "default",
        rates: [growth(start.residentBytes, end.residentBytes)],
        unit: "B/stream"
      )
      measurement.details = ["heap": growth(start.heapBytes, end.heapBytes)]
      return measurement
    }
  }
}
