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
internal import Testing

@testable internal import GRPCTunnel

@Suite("What tunnels keep together")
struct UnreadBudgetTests {
  @Test("Without a budget everything fits")
  func unlimited() {
    var share = UnreadBudget.Share(of: nil)
    #expect(share.fit(.max) == true)
    share.release()
  }

  @Test("A little is free, more is taken in steps and given back")
  func steps() {
    let budget = UnreadBudget(limit: 1_000_000)
    var share = UnreadBudget.Share(of: budget)
    #expect(share.fit(65_536) == true)
    #expect(budget.takenByteCount == 0)
    #expect(share.fit(65_537) == true)
    #expect(budget.takenByteCount == 65_536)
    #expect(share.fit(131_072) == true)
    #expect(budget.takenByteCount == 65_536)
    #expect(share.fit(600_000) == true)
    #expect(budget.takenByteCount == 9 * 65_536)
    #expect(share.fit(500_000) == true)
    #expect(budget.takenByteCount == 9 * 65_536, "Not for a little less")
    #expect(share.fit(150_000) == true)
    #expect(budget.takenByteCount == 2 * 65_536)
    #expect(share.fit(65_536) == true)
    #expect(budget.takenByteCount == 0)
  }

  @Test("What one has taken another cannot have, but for a little")
  func exhausted() {
    let budget = UnreadBudget(limit: 200_000)
    var (first, second) = (UnreadBudget.Share(of: budget), UnreadBudget.Share(of: budget))
    #expect(first.fit(250_000) == true)
    #expect(second.fit(100_000) == false)
    #expect(second.fit(65_536) == true)
    #expect(first.fit(270_000) == false)
    #expect(first.fit(250_000) == true, "What it had it keeps")
    first.release()
    #expect(budget.takenByteCount == 0)
    #expect(second.fit(200_000) == true)
  }

  @Test("A tunnel that has too much is told only when it takes more")
  func overfull() {
    let budget = UnreadBudget(limit: 0)
    var share = UnreadBudget.Share(of: budget)
    #expect(share.fit(70_000) == false)
    // It could not be brought back to less: its stream had ended.
    #expect(share.fit(70_000) == true)
    #expect(share.fit(69_000) == true)
    #expect(share.fit(69_001) == false)
  }

  @Test("A limit below zero is none at all")
  func negative() {
    let budget = UnreadBudget(limit: -1)
    var share = UnreadBudget.Share(of: budget)
    #expect(share.fit(65_536) == true)
    #expect(share.fit(65_537) == false)
  }
}
