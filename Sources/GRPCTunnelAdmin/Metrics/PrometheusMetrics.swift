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

package import CoreMetrics
internal import GRPCTunnel

/// Makes instruments whose values are told in Prometheus' text format.
///
/// Instruments of the same name and labels share a value. There are at most ``maximumSeriesCount`` of
/// them; what is made beyond that works, and is not told. The same is true of an instrument whose name
/// one of another kind has.
package final class PrometheusMetrics: MetricsFactory {
  /// How many pairs of a name and labels there may be.
  package static let maximumSeriesCount = 2_000

  private struct Family {
    var kind: PrometheusKind
    /// By their labels, as they are written.
    var series: [String: any PrometheusSeries] = [:]
  }

  private let help: [String: String]
  private let state = LockedValue<(families: [String: Family], count: Int)>(([:], 0))

  /// - Parameter help: What metrics mean, by their names.
  package init(help: [String: String]) {
    self.help = help
  }

  // MARK: - Instruments

  package func makeCounter(
    label: String,
    dimensions: [(String, String)]
  ) -> any CounterHandler {
    self.series(.counter, label, dimensions) { PrometheusValue() }
  }

  package func makeFloatingPointCounter(
    label: String,
    dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    self.series(.counter, label, dimensions) { PrometheusValue() }
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    self.series(.gauge, label, dimensions) { PrometheusValue() }
  }

  package func makeRecorder(
    label: String,
    dimensions: [(String, String)],
    aggregate: Bool
  ) -> any RecorderHandler {
    if aggregate {
      self.series(.summary, label, dimensions) { PrometheusSummary() }
    } else {
      self.series(.gauge, label, dimensions) { PrometheusValue() }
    }
  }

  /// Tells times in seconds.
  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    self.series(.histogram, label, dimensions) { PrometheusHistogram() }
  }

  private func series<Series: PrometheusSeries>(
    _ kind: PrometheusKind,
    _ name: String,
    _ dimensions: [(String, String)],
    _ make: () -> Series
  ) -> Series {
    let name = PrometheusText.name(name)
    let labels = PrometheusText.labels(dimensions)
    let new = make()
    return self.state.withLock { state in
      let existing = state.families[name]
      if let series = existing?.series[labels] as? Series, existing?.kind == kind { return series }
      if existing.map({ $0.kind != kind }) ?? false || state.count >= Self.maximumSeriesCount {
        return new
      }
      state.families[name, default: Family(kind: kind)].series[labels] = new
      state.count += 1
      return new
    }
  }

  // A value that has been told stays: Prometheus expects a counter to go on.
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}

  // MARK: - Text

  /// All values, in Prometheus' text format (version 0.0.4).
  package var text: String {
    let families = self.state.withLock { $0.families }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      if let help = self.help[name] {
        text += "# HELP \(name) \(PrometheusText.helpText(help))\n"
      }
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.write(name, labels, to: &text)
      }
    }
    return text
  }
}

/// The kinds of metrics that Prometheus knows.
enum PrometheusKind: String, Sendable {
  case counter
  case gauge
  case histogram
  case summary
}

/// The value, or values, of a name and its labels.
protocol PrometheusSeries: AnyObject, Sendable {
  /// - Parameter labels: As they are written between braces; empty for none.
  func write(_ name: String, _ labels: String, to text: inout String)
}
