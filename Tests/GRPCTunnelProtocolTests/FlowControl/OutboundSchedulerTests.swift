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

@Suite("Outbound scheduler")
struct OutboundSchedulerTests {
  private enum Turn: Equatable {
    case control(Int)
    case stream(Int64)
  }

  private func takeAll(_ scheduler: inout OutboundScheduler<Int>) -> [Turn] {
    var turns: [Turn] = []
    while let next = scheduler.next() {
      switch next {
      case .control(let frame): turns.append(.control(frame))
      case .stream(let id): turns.append(.stream(id.rawValue))
      }
    }
    return turns
  }

  @Test("Control frames go first, in their order; streams in turn")
  func order() {
    var scheduler = OutboundScheduler<Int>()
    #expect(scheduler.isEmpty)
    scheduler.enqueue(StreamID(rawValue: 1))
    scheduler.enqueue(control: 10)
    scheduler.enqueue(StreamID(rawValue: 2))
    scheduler.enqueue(control: 11)
    #expect(scheduler.controlFrameCount == 2)
    #expect(
      self.takeAll(&scheduler) == [.control(10), .control(11), .stream(1), .stream(2)]
    )
    #expect(scheduler.isEmpty)
    #expect(scheduler.controlFrameCount == 0)
  }

  @Test("A control frame that comes up overtakes the streams that wait")
  func overtaking() {
    var scheduler = OutboundScheduler<Int>()
    scheduler.enqueue(StreamID(rawValue: 1))
    scheduler.enqueue(StreamID(rawValue: 2))
    guard case .stream(StreamID(rawValue: 1)) = scheduler.next() else {
      Issue.record("Not the first stream's turn")
      return
    }
    scheduler.enqueue(StreamID(rawValue: 1))
    scheduler.enqueue(control: 10)
    #expect(self.takeAll(&scheduler) == [.control(10), .stream(2), .stream(1)])
  }

  @Test("When nothing can leave any more, everything is dropped, and what comes later too")
  func stop() {
    var scheduler = OutboundScheduler<Int>()
    scheduler.enqueue(StreamID(rawValue: 1))
    scheduler.enqueue(control: 10)
    scheduler.stop()
    #expect(scheduler.isEmpty)
    scheduler.enqueue(StreamID(rawValue: 2))
    scheduler.enqueue(control: 11)
    #expect(scheduler.isEmpty)
    #expect(scheduler.controlFrameCount == 0)
    #expect(self.takeAll(&scheduler).isEmpty)
  }
}
