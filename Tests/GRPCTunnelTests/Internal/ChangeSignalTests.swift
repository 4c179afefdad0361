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

@Suite("A change signal", .timeLimit(.minutes(5)))
struct ChangeSignalTests {
  private final class Box: Sendable {
    let signal = ChangeSignal()
    private let value = LockedValue(0)

    var values: AsyncStream<Int> {
      self.signal.values { self.value.withLock { $0 } }
    }

    func set(_ value: Int) {
      self.value.withLock { $0 = value }
      self.signal.happen()
    }
  }

  @Test("gives the value that is there, then each that comes")
  func values() async {
    let box = Box()
    box.set(1)
    var values = box.values.makeAsyncIterator()
    #expect(await values.next() == 1)
    box.set(2)
    #expect(await values.next() == 2)
    async let next = values.next()
    box.set(3)
    #expect(await next == 3)
  }

  @Test("leaves out what was there for those who are slow, but never the last value")
  func slowReader() async {
    let box = Box()
    var values = box.values.makeAsyncIterator()
    #expect(await values.next() == 0)
    for value in 1 ... 1000 {
      box.set(value)
    }
    box.signal.finish()
    #expect(await values.next() == 1000)
    #expect(await values.next() == nil)
  }

  @Test("has one value for those who come after the end")
  func lateReader() async {
    let box = Box()
    box.set(7)
    box.signal.finish()
    var values = box.values.makeAsyncIterator()
    #expect(await values.next() == 7)
    #expect(await values.next() == nil)
  }

  @Test("every reader has its own values")
  func readers() async {
    let box = Box()
    var first = box.values.makeAsyncIterator()
    #expect(await first.next() == 0)
    box.set(1)
    var second = box.values.makeAsyncIterator()
    #expect(await second.next() == 1)
    #expect(await first.next() == 1)
  }

  @Test("ends with the task that reads")
  func cancellation() async {
    let box = Box()
    let hasFirst = OneShotEvent()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in box.values {
          hasFirst.fire()
        }
      }
      try? await hasFirst.wait()
      group.cancelAll()
    }
  }
}
