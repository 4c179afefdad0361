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

/// A heap whose elements are known by ids, so that each can be found, changed and removed in
/// logarithmic time wherever it is.
struct IndexedHeap<ID: Hashable & Sendable, Priority: Comparable & Sendable>: Sendable {
  private struct Node: Sendable {
    var id: ID
    var priority: Priority
    /// The place in ``positions`` of the node's own place.
    var slot: Int
  }

  /// In heap order: the least priority is first.
  private var nodes: [Node] = []
  private var slots: [ID: Int] = [:]
  /// Where the node of each slot is.
  private var positions: [Int] = []
  private var freeSlots: [Int] = []

  var count: Int {
    self.nodes.count
  }

  var isEmpty: Bool {
    self.nodes.isEmpty
  }

  func priority(of id: ID) -> Priority? {
    self.slots[id].map { self.nodes[self.positions[$0]].priority }
  }

  /// The element with the least priority.
  var first: (id: ID, priority: Priority)? {
    self.nodes.first.map { ($0.id, $0.priority) }
  }

  /// The element with the least priority of those that are not in a set, in time linear in the size
  /// of the set.
  func first(excluding excluded: Set<ID>) -> (id: ID, priority: Priority)? {
    if excluded.isEmpty { return self.first }
    var best: Node?
    // What is below a node that may be taken cannot be better.
    var candidates = [0]
    while let position = candidates.popLast() {
      guard position < self.nodes.count else { continue }
      let node = self.nodes[position]
      if let best, best.priority <= node.priority { continue }
      if excluded.contains(node.id) {
        candidates.append(2 * position + 1)
        candidates.append(2 * position + 2)
      } else {
        best = node
      }
    }
    return best.map { ($0.id, $0.priority) }
  }

  /// Adds an element, or changes its priority.
  mutating func set(_ id: ID, _ priority: Priority) {
    if let slot = self.slots[id] {
      let position = self.positions[slot]
      self.nodes[position].priority = priority
      self.restore(at: position)
      return
    }
    let slot: Int
    if let free = self.freeSlots.popLast() {
      slot = free
      self.positions[slot] = self.nodes.count
    } else {
      slot = self.positions.count
      self.positions.append(self.nodes.count)
    }
    self.slots[id] = slot
    self.nodes.append(Node(id: id, priority: priority, slot: slot))
    self.restore(at: self.nodes.count - 1)
  }

  /// Takes out an element; does nothing when it is not there.
  mutating func remove(_ id: ID) {
    guard let slot = self.slots.removeValue(forKey: id) else { return }
    let position = self.positions[slot]
    let last = self.nodes.count - 1
    self.swap(position, last)
    self.nodes.removeLast()
    self.freeSlots.append(slot)
    if position < last { self.restore(at: position) }
  }

  private mutating func restore(at position: Int) {
    var position = position
    while position > 0 {
      let parent = (position - 1) / 2
      guard self.nodes[position].priority < self.nodes[parent].priority else { break }
      self.swap(position, parent)
      position = parent
    }
    while true {
      var least = position
      for child in [2 * position + 1, 2 * position + 2]
      where child < self.nodes.count && self.nodes[child].priority < self.nodes[least].priority {
        least = child
      }
      if least == position { return }
      self.swap(position, least)
      position = least
    }
  }

  private mutating func swap(_ first: Int, _ second: Int) {
    if first == second { return }
    self.nodes.swapAt(first, second)
    self.positions[self.nodes[first].slot] = first
    self.positions[self.nodes[second].slot] = second
  }
}
