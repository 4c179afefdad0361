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

internal import GRPCCore
internal import GRPCTunnelTestSupport
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("The health check of a server", .timeLimit(.minutes(5)))
struct HealthCheckTests {
  @Test("ends when the server takes the question, and gives no answer")
  func noAnswer() async throws {
    let clock = ManualClock()
    let check = HealthCheck(
      transport: ScriptedUpstream(),
      timeout: .seconds(5),
      clock: clock.clock
    )
    async let result = check.check()
    try await clock.waitForSleeper(until: .seconds(5))
    clock.advance(by: .seconds(5))
    let (verdict, isOffered) = await result
    #expect(verdict == .notReady("it did not answer within \(Duration.seconds(5))"))
    #expect(!isOffered)
  }

  @Test(
    "is told what the server says",
    arguments: [(1, true), (2, false), (0, false), (3, true)] as [(UInt8, Bool)]
  )
  func answer(status: UInt8, isReady: Bool) async {
    let server = ScriptedUpstream()
    server.responses.yield(.metadata([:]))
    server.responses.yield(.message(TestBytes([8, status])))
    server.responses.yield(.status(Status(code: .ok, message: ""), [:]))
    server.responses.finish()
    let check = HealthCheck(
      transport: server,
      timeout: .seconds(5),
      clock: ManualClock().clock
    )
    let (verdict, isOffered) = await check.check()
    #expect((verdict == .ready) == isReady)
    #expect(isOffered)
  }
}
