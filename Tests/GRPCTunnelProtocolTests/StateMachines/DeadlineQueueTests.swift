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

internal import GRPCTunnelProtocol
internal import Testing
internal import TunnelSimulation

@Suite("Deadline queue")
struct DeadlineQueueTests {
  @Test("Streams come out when their deadline has come, the earliest first")
  func order() {
    var queue = DeadlineQueue()
    queue.insert(1, deadline: .seconds(3))
    queue.insert(2, deadline: .seconds(1))
    queue.insert(3, deadline: .seconds(2))
    #expect(queue.next == .seconds(1))
    #expect(queue.popExpired(now: .milliseconds(999)) == nil)
    #expect(queue.popExpired(now: .seconds(1)) == 2)
    #expect(queue.popExpired(now: .seconds(9)) == 3)
    #expect(queue.popExpired(now: .seconds(9)) == 1)
    #expect(queue.popExpired(now: .seconds(9)) == nil)
    #expect(queue.next == nil)
  }

  @Test("A stream that was removed does not come out")
  func removal() {
    var queue = DeadlineQueue()
    queue.insert(1, deadline: .seconds(1))
    queue.insert(2, deadline: .seconds(2))
    queue.remove(1)
    queue.remove(1)
    queue.remove(7)
    #expect(queue.next == .seconds(2))
    #expect(queue.popExpired(now: .seconds(9)) == 2)
    #expect(queue.popExpired(now: .seconds(9)) == nil)
  }

  @Test("A deadline that is set again replaces the first")
  func replacing() {
    var queue = DeadlineQueue()
    queue.insert(1, deadline: .seconds(1))
    queue.insert(1, deadline: .seconds(2))
    #expect(queue.popExpired(now: .seconds(1)) == nil)
    #expect(queue.popExpired(now: .seconds(2)) == 1)
    #expect(queue.popExpired(now: .seconds(9)) == nil)
  }

  @Test("It agrees with a plain list, through many removals")
  func model() {
    var random = SeededGenerator(seed: 12)
    var queue = DeadlineQueue()
    var model: [StreamID: Duration] = [:]
    var now = Duration.zero
    for id in 1 ... 5000 as ClosedRange<Int64> {
      let stream = StreamID(rawValue: id)
      let deadline = now + .milliseconds(random.int(below: 1000))
      queue.insert(stream, deadline: deadline)
      model[stream] = deadline
      // Most are removed long before they are due.
      if !random.isOne(in: 10), let removed = model.keys.min() {
        queue.remove(removed)
        model[removed] = nil
      }
      now += .milliseconds(random.int(below: 3))
      while let expired = queue.popExpired(now: now) {
        #expect(model.removeValue(forKey: expired).map { $0 <= now } == true)
      }
      #expect(queue.next == model.values.min())
    }
  }

  @Test("Everything can be dropped")
  func removeAll() {
    var queue = DeadlineQueue()
    queue.insert(1, deadline: .seconds(1))
    queue.removeAll()
    #expect(queue.next == nil)
  }
}
