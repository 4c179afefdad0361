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

/// How the memory of both processes grows by something.
struct MemoryGrowth: Sendable {
  private let ownStart: ProcessUsage
  private let otherStart: ProcessUsage
  private var own: ProcessUsage
  private var other: ProcessUsage

  /// Takes note of what both processes use now.
  init(_ bed: TestBed) async throws {
    ProcessUsage.trim()
    self.ownStart = .now()
    self.otherStart = try await bed.control.usage(trimming: true)
    self.own = self.ownStart
    self.other = self.otherStart
  }

  /// Takes note of what both processes use once they have come to rest.
  mutating func measure(_ bed: TestBed) async throws {
    try await Task.sleep(for: .milliseconds(500))
    ProcessUsage.trim()
    self.own = .now()
    self.other = try await bed.control.usage(trimming: true)
  }

  /// - Parameter names: What this process and the server's process are in the case.
  func measurements(
    name: String,
    variant: TestBed.Variant,
    count: Int,
    unit: String,
    names: (own: String, other: String)
  ) -> [Measurement] {
    [(names.own, self.ownStart, self.own), (names.other, self.otherStart, self.other)]
      .map { side, start, end in
        var measurement = Measurement(
          name: "\(name)-\(side)",
          mode: variant.mode.rawValue,
          settings: variant.settings.rawValue,
          rates: [Self.growth(start.residentBytes, end.residentBytes, count)],
          unit: unit
        )
        measurement.details = ["heap": Self.growth(start.heapBytes, end.heapBytes, count)]
        return measurement
      }
  }

  private static func growth(_ start: UInt64, _ end: UInt64, _ count: Int) -> Double {
    (Double(end) - Double(start)) / Double(count)
  }
}
