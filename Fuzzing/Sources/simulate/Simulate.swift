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

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
internal import TunnelSimulation

/// Runs tunnel simulations, each from a seed of its own, and stops at the first that fails.
@main
enum Simulate {
  private static let usage = """
    Usage: simulate COUNT [FIRST]
           simulate --trace SEED

    Runs COUNT seeds, beginning with FIRST (default 0), or one seed with all that it does.
    """

  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    switch (arguments.first, arguments.dropFirst().first.flatMap { UInt64($0) }) {
    case ("--trace", let seed?):
      self.trace(seed)
    case (let count?, let first):
      guard let count = UInt64(count) else { self.fail(self.usage) }
      self.run(count: count, first: first ?? 0)
    case (nil, _):
      self.fail(self.usage)
    }
  }

  private static func run(count: UInt64, first: UInt64) {
    var report = SimulationReport()
    for seed in first ..< first + count {
      var simulation = TunnelSimulation(choices: Choices(seed: seed))
      do throws(Violation) {
        try simulation.run()
      } catch {
        self.fail("Seed \(seed): \(error)\nTo see all of it: dev/simulate.sh --trace \(seed)")
      }
      report.add(simulation.report)
    }
    print(report)
  }

  private static func trace(_ seed: UInt64) {
    var simulation = TunnelSimulation(choices: Choices(seed: seed))
    simulation.trace = { print($0) }
    print(simulation.scenario)
    do throws(Violation) {
      try simulation.run()
      print(simulation.report)
    } catch {
      self.fail("Seed \(seed): \(error)")
    }
  }

  private static func fail(_ message: String) -> Never {
    print(message)
    exit(1)
  }
}
