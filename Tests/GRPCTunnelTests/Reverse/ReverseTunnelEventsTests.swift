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

@Suite("The events of reverse tunnels", .timeLimit(.minutes(5)))
struct ReverseTunnelEventsTests {
  private typealias Queue = ReverseTunnelEventQueue<Int>

  private func opened(_ key: Int) -> ReverseTunnelEvent<Int> {
    let information = TunnelInformation(
      id: .next(),
      direction: .reverse,
      metadata: [:],
      remotePeer: "",
      localPeer: "",
      revision: 1,
      extensions: []
    )
    return .opened(information, key: key)
  }

  @Test("come in order")
  func order() async {
    let queue = Queue()
    for key in 0 ..< 10 {
      #expect(queue.append(self.opened(key)) == nil)
    }
    for key in 0 ..< 10 {
      #expect(await queue.next()?.openedKey == key)
    }
  }

  @Test("come at once to who waits")
  func waiting() async {
    let queue = Queue()
    async let event = queue.next()
    queue.append(self.opened(1))?()
    #expect(await event?.openedKey == 1)
  }

  @Test("that are too many are dropped, the oldest first, and the reader is told how many")
  func missed() async {
    let queue = Queue(capacity: 3)
    for key in 0 ..< 5 {
      #expect(queue.append(self.opened(key)) == nil)
    }
    guard case .missed(2)? = await queue.next() else {
      Issue.record("The reader was not told.")
      return
    }
    for key in 2 ..< 5 {
      #expect(await queue.next()?.openedKey == key)
    }
    #expect(queue.append(self.opened(9)) == nil)
    #expect(await queue.next()?.openedKey == 9)
  }

  @Test("end with the reader's task")
  func cancelled() async {
    let queue = Queue()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        let event = await queue.next()
        #expect(event == nil)
      }
      group.cancelAll()
    }
    // What comes later is there for the next reader.
    queue.append(self.opened(1))?()
    #expect(await queue.next()?.openedKey == 1)
  }

  @Test("go on for who reads when another reader's task is cancelled")
  func otherCancelled() async {
    let queue = Queue()
    async let event = queue.next()
    // The first reader waits since before one of these, if not before all.
    for _ in 0 ..< 100 {
      await withTaskGroup(of: Void.self) { group in
        group.cancelAll()
        group.addTask { #expect(await queue.next() == nil) }
      }
    }
    queue.append(self.opened(1))?()
    #expect(await event?.openedKey == 1)
  }

  @Test("are kept only for those who can read them")
  func unsubscribed() {
    let counter = Counter()
    do {
      let events = ReverseTunnelEvents(queue: Queue()) { counter.increment() }
      var iterator: ReverseTunnelEvents<Int>.AsyncIterator? = events.makeAsyncIterator()
      withExtendedLifetime(events) {}
      #expect(counter.value == 0)
      withExtendedLifetime(iterator) {}
      iterator = nil
    }
    #expect(counter.value == 1)
  }
}

extension ReverseTunnelEvent {
  fileprivate var openedKey: Key? {
    switch self {
    case .opened(_, let key): key
    case .draining, .closed, .missed: nil
    }
  }
}
