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

internal import DequeModule

/// Those who wait, by the tickets that they have drawn: in order, and each of them can leave.
///
/// Every operation takes constant time, spread over all of them.
struct WaiterQueue<Waiter: Sendable>: Sendable {
  typealias Ticket = UInt64

  private var waiters: [Ticket: Waiter] = [:]
  /// Those who have left stay here until they come up, or are too many.
  private var order: Deque<Ticket> = []

  var isEmpty: Bool {
    self.waiters.isEmpty
  }

  /// How many tickets take memory.
  var orderCount: Int {
    self.order.count
  }

  mutating func append(_ ticket: Ticket, _ waiter: Waiter) {
    self.waiters[ticket] = waiter
    self.order.append(ticket)
  }

  /// Who has waited longest.
  var first: (ticket: Ticket, waiter: Waiter)? {
    mutating get {
      while let ticket = self.order.first {
        if let waiter = self.waiters[ticket] { return (ticket, waiter) }
        self.order.removeFirst()
      }
      return nil
    }
  }

  /// - Returns: Whether the waiter was there.
  @discardableResult
  mutating func remove(_ ticket: Ticket) -> Bool {
    guard self.waiters.removeValue(forKey: ticket) != nil else { return false }
    if self.order.count > 2 * self.waiters.count + 16 {
      self.order.removeAll { self.waiters[$0] == nil }
    }
    return true
  }

  /// Takes out everyone, in order.
  mutating func removeAll() -> [Ticket] {
    defer {
      self.waiters = [:]
      self.order = []
    }
    return self.order.filter { self.waiters[$0] != nil }
  }
}
