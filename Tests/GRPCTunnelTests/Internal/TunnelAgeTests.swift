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

@testable internal import GRPCTunnel
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("The age of a tunnel", .timeLimit(.minutes(5)))
struct TunnelAgeTests {
  @Test("may be limited to nothing, and less", arguments: [Duration.zero, .seconds(Int64.min)])
  func none(maximum: Duration) async {
    let age = TunnelAge(self.limits(maximum), random: 1, clock: ManualClock().clock)
    #expect(await age.wait())
  }

  @Test("may be limited to more than a clock counts")
  func centuries() async throws {
    let clock = ManualClock()
    let age = TunnelAge(self.limits(.seconds(Int64.max)), random: 1, clock: clock.clock)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask { await age.wait() }
      try await clock.waitForSleeper(until: .seconds(1_000_000_000) ... .seconds(10_000_000_000))
      group.cancelAll()
      #expect(try await group.next() == false)
    }
  }

  @Test("is not limited by default")
  func unlimited() async {
    let age = TunnelAge(
      TunnelConfig.Limits.defaults,
      random: 0,
      clock: ManualClock().clock
    )
    #expect(!age.isLimited)
    #expect(await !age.wait())
  }

  private func limits(_ maximum: Duration) -> TunnelConfig.Limits {
    var limits = TunnelConfig.Limits.defaults
    limits.maximumTunnelAge = maximum
    return limits
  }
}
