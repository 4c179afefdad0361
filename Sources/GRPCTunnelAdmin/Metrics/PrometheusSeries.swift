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

internal import CoreMetrics
internal import GRPCTunnel

/// A number: of a counter, which is added to only, or of a gauge.
final class PrometheusValue: PrometheusSeries {
  private let value = LockedValue(0.0)

  fileprivate func add(_ amount: Double) {
    self.value.withLock { $0 += amount }
  }

  fileprivate func replace(with value: Double) {
    self.value.withLock { $0 = value }
  }

  func write(_ name: String, _ labels: String, to text: inout String) {
    let value = self.value.withLock { $0 }
    text += PrometheusText.line(name, labels, value)
  }
}

extension PrometheusValue: CounterHandler, FloatingPointCounterHandler {
  func increment(by amount: Int64) {
    self.add(Double(amount))
  }

  // A meter's too.
  func increment(by amount: Double) {
    self.add(amount)
  }

  func reset() {
    self.replace(with: 0)
  }
}

extension PrometheusValue: MeterHandler, RecorderHandler {
  func set(_ value: Int64) {
    self.replace(with: Double(value))
  }

  func set(_ value: Double) {
    self.replace(with: value)
  }

  func decrement(by amount: Double) {
    self.add(-amount)
  }

  func record(_ value: Int64) {
    self.replace(with: Double(value))
  }

  func record(_ value: Double) {
    self.replace(with: value)
  }
}

/// How many values there were, and what they are together.
final class PrometheusSummary: PrometheusSeries, RecorderHandler {
  private let state = LockedValue((count: 0.0, sum: 0.0))

  func record(_ value: Int64) {
    self.record(Double(value))
  }

  func record(_ value: Double) {
    self.state.withLock { state in
      state.count += 1
      state.sum += value
    }
  }

  func write(_ name: String, _ labels: String, to text: inout String) {
    let (count, sum) = self.state.withLock { $0 }
    text += PrometheusText.line("\(name)_sum", labels, sum)
    text += PrometheusText.line("\(name)_count", labels, count)
  }
}

/// Times, by how long they were: from a millisecond to ten seconds.
final class PrometheusHistogram: PrometheusSeries, TimerHandler {
  /// In seconds.
  static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

  private struct State {
    /// How many there were up to each bound, and not up to the one before.
    var counts = Array(repeating: 0.0, count: PrometheusHistogram.bounds.count + 1)
    var sum = 0.0
  }

  private let state = LockedValue(State())

  func recordNanoseconds(_ duration: Int64) {
    let seconds = Double(duration) / 1e9
    let index = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
    self.state.withLock { state in
      state.counts[index] += 1
      state.sum += seconds
    }
  }

  func write(_ name: String, _ labels: String, to text: inout String) {
    let (counts, sum) = self.state.withLock { ($0.counts, $0.sum) }
    let prefix = labels.isEmpty ? "" : "\(labels),"
    var total = 0.0
    for (count, bound) in zip(counts, Self.bounds.map { PrometheusText.number($0) } + ["+Inf"]) {
      total += count
      text += PrometheusText.line("\(name)_bucket", "\(prefix)le=\"\(bound)\"", total)
    }
    text += PrometheusText.line("\(name)_sum", labels, sum)
    text += PrometheusText.line("\(name)_count", labels, total)
  }
}
