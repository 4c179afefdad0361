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
internal import Testing

@testable internal import GRPCTunnelAdmin

@Suite("Metrics for Prometheus")
struct PrometheusMetricsTests {
  private let metrics = PrometheusMetrics(help: ["a_total": "All of\nthem \\."])

  @Test("counters, with help and labels in the order of their names")
  func counters() {
    let counter = Counter(
      label: "a_total",
      dimensions: [("z", "1"), ("b", "say \"x\"\n\\")],
      factory: self.metrics
    )
    counter.increment(by: 2)
    counter.increment()
    FloatingPointCounter(label: "seconds_total", factory: self.metrics).increment(by: 0.25)
    #expect(
      self.metrics.text == """
        # HELP a_total All of\\nthem \\\\.
        # TYPE a_total counter
        a_total{b="say \\"x\\"\\n\\\\",z="1"} 3
        # TYPE seconds_total counter
        seconds_total 0.25

        """
    )
  }

  @Test("what goes up and down")
  func gauges() {
    let meter = Meter(label: "open", factory: self.metrics)
    meter.increment(by: 3)
    meter.decrement()
    Gauge(label: "level", factory: self.metrics).record(-1.5)
    #expect(self.metrics.text == "# TYPE level gauge\nlevel -1.5\n# TYPE open gauge\nopen 2\n")
  }

  @Test("a timer tells seconds, by how long they were")
  func histograms() {
    let timer = Timer(label: "t_seconds", dimensions: [("role", "client")], factory: self.metrics)
    timer.recordNanoseconds(3_000_000)
    timer.recordNanoseconds(5_000_000)
    timer.recordNanoseconds(20_000_000_000)
    let lines = self.metrics.text.split(separator: "\n")
    #expect(lines.first == "# TYPE t_seconds histogram")
    #expect(lines.contains(#"t_seconds_bucket{role="client",le="0.0025"} 0"#))
    #expect(lines.contains(#"t_seconds_bucket{role="client",le="0.005"} 2"#))
    #expect(lines.contains(#"t_seconds_bucket{role="client",le="10"} 2"#))
    #expect(lines.contains(#"t_seconds_bucket{role="client",le="+Inf"} 3"#))
    #expect(lines.contains(#"t_seconds_sum{role="client"} 20.008"#))
    #expect(lines.last == #"t_seconds_count{role="client"} 3"#)
  }

  @Test("values that are recorded have a sum and a count")
  func summaries() {
    let recorder = Recorder(label: "size", factory: self.metrics)
    recorder.record(2)
    recorder.record(3.5)
    #expect(self.metrics.text == "# TYPE size summary\nsize_sum 5.5\nsize_count 2\n")
  }

  @Test("the same name and labels share a value, in whatever order the labels are")
  func shared() {
    for labels in [[("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]] {
      Counter(label: "c_total", dimensions: labels, factory: self.metrics).increment()
    }
    #expect(self.metrics.text.hasSuffix(#"c_total{a="1",b="2"} 2"# + "\n"))
  }

  @Test(
    "a name is one that Prometheus takes",
    arguments: [("a.b-c", "a_b_c"), ("9lives", "_9lives"), ("", "_"), ("é", "_")]
  )
  func names(text: String, name: String) {
    #expect(PrometheusText.name(text) == name)
  }

  @Test("an instrument of another kind does not disturb the first")
  func conflict() {
    Counter(label: "x", factory: self.metrics).increment()
    Meter(label: "x", factory: self.metrics).set(9)
    #expect(self.metrics.text == "# TYPE x counter\nx 1\n")
  }

  @Test("there are never too many")
  func bounded() {
    for number in 0 ..< PrometheusMetrics.maximumSeriesCount + 10 {
      Counter(label: "n_total", dimensions: [("n", "\(number)")], factory: self.metrics).increment()
    }
    let lines = self.metrics.text.split(separator: "\n")
    #expect(lines.count == PrometheusMetrics.maximumSeriesCount + 1)
    // Those that are there go on.
    Counter(label: "n_total", dimensions: [("n", "0")], factory: self.metrics).increment()
    #expect(self.metrics.text.contains("n_total{n=\"0\"} 2\n"))
  }
}
