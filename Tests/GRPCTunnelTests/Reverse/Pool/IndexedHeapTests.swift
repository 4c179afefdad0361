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
internal import TunnelSimulation

@testable internal import GRPCTunnel

@Suite("A heap with ids")
struct IndexedHeapTests {
  @Test("gives the least priority first, whatever is changed and removed")
  func order() {
    var heap = IndexedHeap<String, Int>()
    heap.set("a", 3)
    heap.set("b", 1)
    heap.set("c", 2)
    #expect(heap.first?.id == "b")
    heap.set("b", 4)
    #expect(heap.first?.id == "c")
    heap.remove("c")
    heap.remove("c")
    #expect(heap.first?.id == "a")
    heap.remove("a")
    #expect(heap.first?.id == "b")
    #expect(heap.priority(of: "b") == 4)
    #expect(heap.priority(of: "a") == nil)
    heap.remove("b")
    #expect(heap.isEmpty)
    #expect(heap.first == nil)
  }

  @Test("finds the least of those that are not excluded")
  func excluding() {
    var heap = IndexedHeap<Int, Int>()
    for number in 0 ..< 100 {
      heap.set(number, (number * 37) % 100)
    }
    let order = (0 ..< 100).sorted { ($0 * 37) % 100 < ($1 * 37) % 100 }
    for count in 0 ..< 100 {
      #expect(heap.first(excluding: Set(order.prefix(count)))?.id == order[count])
    }
    #expect(heap.first(excluding: Set(order)) == nil)
  }

  @Test("does the same as a dictionary that is searched", arguments: 1 ... 20)
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var heap = IndexedHeap<Int, Int>()
    var model: [Int: Int] = [:]
    for step in 0 ..< 2000 {
      let id = generator.int(below: 50)
      if generator.isOne(in: 3) {
        heap.remove(id)
        model.removeValue(forKey: id)
      } else {
        // Priorities are unique, so that there is one right answer.
        let priority = generator.int(below: 100) * 2000 + step
        heap.set(id, priority)
        model[id] = priority
      }
      let excluded = Set((0 ..< generator.int(below: 5)).map { _ in generator.int(below: 50) })
      #expect(heap.count == model.count)
      #expect(heap.first?.id == model.min { $0.value < $1.value }?.key)
      #expect(
        heap.first(excluding: excluded)?.id
          == model.filter { !excluded.contains($0.key) }.min { $0.value < $1.value }?.key
      )
    }
  }
}
