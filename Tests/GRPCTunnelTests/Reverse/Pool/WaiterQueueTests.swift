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

@Suite("A queue of waiters")
struct WaiterQueueTests {
  @Test("keeps the order, whoever leaves")
  func order() {
    var queue = WaiterQueue<String>()
    for (ticket, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] as [(UInt64, String)] {
      queue.append(ticket, name)
    }
    #expect(queue.first?.waiter == "a")
    let removed = [2, 2, 1].map { queue.remove($0) }
    #expect(removed == [true, false, true])
    #expect(queue.first?.ticket == 3)
    let rest = queue.removeAll()
    #expect(rest == [3, 4])
    #expect(queue.isEmpty)
    #expect(queue.first == nil)
  }

  @Test("forgets those who left, even if nobody comes up")
  func memory() {
    var queue = WaiterQueue<Void>()
    queue.append(0, ())
    for ticket in 1 ... 100_000 {
      queue.append(UInt64(ticket), ())
      queue.remove(UInt64(ticket))
      #expect(queue.orderCount <= 20)
    }
    #expect(queue.first?.ticket == 0)
  }
}
