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

internal import Histogram

/// Gathers latencies. Only a sum of nanoseconds is kept for each until the end: sorting them into a
/// histogram would be measured too.
struct LatencyRecorder: Sendable {
  private var nanoseconds: [UInt32] = []

  init() {
    self.nanoseconds.reserveCapacity(4096)
  }

  var count: Int {
    self.nanoseconds.count
  }

  mutating func record(_ latency: Duration) {
    self.nanoseconds.append(UInt32(clamping: Int64(latency / .nanoseconds(1))))
  }

  mutating func add(_ other: LatencyRecorder) {
    self.nanoseconds.append(contentsOf: other.nanoseconds)
  }

  /// A percentile in microseconds; nil when nothing was recorded.
  func microseconds(atPercentile percentile: Double) -> Double? {
    if self.nanoseconds.isEmpty { return nil }
    var histogram = Histogram<UInt64>(
      highestTrackableValue: UInt64(UInt32.max),
      numberOfSignificantValueDigits: .three
    )
    for value in self.nanoseconds {
      histogram.record(UInt64(value))
    }
    return Double(histogram.valueAtPercentile(percentile)) / 1000
  }
}
