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

/// The cases that there are, and those of them that are to run.
struct BenchmarkCases: Sendable {
  private let only: Set<String>
  private let options: RunOptions

  /// - Parameter only: The names of cases; none for all.
  init(only: [String], options: RunOptions) {
    self.only = Set(only)
    self.options = options
  }

  /// How many idle tunnels and streams there are by default, and with little time.
  private static let sizes = [1000, 10_000]
  private static let quickSizes = [200]

  static var names: [String] {
    ThroughputCase.all.map(\.name) + Self.isolated.map(\.name)
  }

  /// The cases that need fresh processes.
  private static var isolated: [any BenchmarkCase] {
    var cases: [any BenchmarkCase] = [InProcessCase()]
    cases += Self.idle(Self.quickSizes + Self.sizes)
    cases.append(OpenTunnelCase())
    cases.append(ManyTunnelsCase(counts: [1, 10, 100, 1000, 10_000]))
    cases.append(ManyStreamsCase(counts: [0, 10, 1000, 10_000]))
    cases += [0, 10, 50, 100].map { RelayCase(milliseconds: $0) }
    cases.append(RouteCase())
    return cases
  }

  private static func idle(_ sizes: [Int]) -> [any BenchmarkCase] {
    sizes.flatMap { count -> [any BenchmarkCase] in
      [
        IdleTunnelsCase(count: count, sharesConnection: true),
        IdleTunnelsCase(count: count, sharesConnection: false),
        IdleStreamsCase(count: count),
      ]
    }
  }

  /// What runs when nothing was chosen.
  private var isolatedByDefault: [any BenchmarkCase] {
    if self.options.isQuick { return Self.idle(Self.quickSizes) + [OpenTunnelCase()] }
    let quick = Set(Self.idle(Self.quickSizes).map(\.name))
    return Self.isolated.filter { !quick.contains($0.name) }
  }

  /// - Parameter report: Called with what each case found out.
  func run(report: @Sendable ([Measurement]) throws -> Void) async throws {
    let throughput = ThroughputCase.all.filter { self.isSelected($0.name) }
    if !throughput.isEmpty {
      try await TestBed.with(variants: self.options.variants) { bed in
        for benchmark in throughput {
          try report(try await benchmark.run(in: bed, options: self.options))
        }
      }
    }
    let isolated =
      self.only.isEmpty ? self.isolatedByDefault : Self.isolated.filter { self.isSelected($0.name) }
    if isolated.count == 1, throughput.isEmpty {
      try report(try await isolated[0].run(options: self.options))
    } else {
      for benchmark in isolated {
        try report(try await IsolatedRun.measurements(of: benchmark.name, options: self.options))
      }
    }
  }

  private func isSelected(_ name: String) -> Bool {
    self.only.isEmpty || self.only.contains(name)
  }
}
