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

internal import Foundation
internal import Testing
internal import TunnelSimulation

@Suite("Both ends of a tunnel, joined")
struct TunnelSimulationTests {
  /// Names the seed to run again, with all that it does.
  private static let seedVariable = "TUNNEL_SIMULATION_SEED"

  @Test("Every RPC ends once, and as it should", arguments: 0 ..< 20 as Range<UInt64>)
  func simulation(batch: UInt64) {
    let size = 100 as UInt64
    for seed in batch * size ..< (batch + 1) * size {
      var simulation = TunnelSimulation(choices: Choices(seed: seed))
      do throws(Violation) {
        try simulation.run()
      } catch {
        Issue.record(
          """
          \(error)
          To see all of it: \(Self.seedVariable)=\(seed) swift test --filter TunnelSimulationTests
          """
        )
      }
    }
  }

  @Test("A seed does the same again", arguments: 0 ..< 20 as Range<UInt64>)
  func repetition(seed: UInt64) throws {
    var traces: [[String]] = [[], []]
    for run in traces.indices {
      var simulation = TunnelSimulation(choices: Choices(seed: seed))
      simulation.trace = { traces[run].append($0) }
      try simulation.run()
    }
    #expect(!traces[0].isEmpty)
    #expect(traces[0] == traces[1])
  }

  @Test(
    "One seed again",
    .enabled(if: ProcessInfo.processInfo.environment[seedVariable] != nil)
  )
  func replay() throws {
    let variable = ProcessInfo.processInfo.environment[Self.seedVariable]
    let seed = try #require(variable.flatMap { UInt64($0) })
    var simulation = TunnelSimulation(choices: Choices(seed: seed))
    simulation.trace = { print($0) }
    print(simulation.scenario)
    #expect(throws: Never.self) { try simulation.run() }
    print(simulation.report)
  }
}
