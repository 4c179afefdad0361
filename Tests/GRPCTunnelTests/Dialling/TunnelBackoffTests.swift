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

internal import Testing

@testable internal import GRPCTunnel

@Suite("A backoff")
struct TunnelBackoffTests {
  @Test(
    "grows with each failure up to its maximum",
    arguments: [(0, 1), (1, 2), (2, 4), (3, 5), (4, 5), (1_000, 5), (-1, 1)]
  )
  func bound(failures: Int, seconds: Int) {
    let backoff = TunnelBackoff(
      initial: .seconds(1),
      maximum: .seconds(5),
      multiplier: 2,
      resetAfter: .seconds(30)
    )
    #expect(backoff.delay(failures: failures, random: 0) == .zero)
    #expect(backoff.delay(failures: failures, random: 0.5) == .seconds(seconds) / 2)
    #expect(backoff.delay(failures: failures, random: 0.999) < .seconds(seconds))
  }

  @Test("never shrinks, and is never negative")
  func nonsense() {
    let shrinking = TunnelBackoff(
      initial: .seconds(2),
      maximum: .seconds(5),
      multiplier: 0.1,
      resetAfter: .zero
    )
    #expect(shrinking.delay(failures: 3, random: 0.5) == .seconds(1))

    var negative = shrinking
    negative.maximum = .seconds(-1)
    #expect(negative.delay(failures: 3, random: 0.5) == .zero)
  }
}
