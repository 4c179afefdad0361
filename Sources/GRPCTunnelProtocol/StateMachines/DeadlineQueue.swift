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

internal import HeapModule

/// The deadlines of a tunnel's streams, as time since an origin that the caller chooses.
package struct DeadlineQueue: Sendable {
  private struct Entry: Comparable, Sendable {
    var deadline: Duration
    var stream: StreamID

    static func < (lhs: Entry, rhs: Entry) -> Bool {
      (lhs.deadline, lhs.stream) < (rhs.deadline, rhs.stream)
    }
  }

  private var heap: Heap<Entry>
  private var deadlines: [StreamID: Duration]

  package init() {
    self.heap = []
    self.deadlines = [:]
  }

  package mutating func insert(_ stream: StreamID, deadline: Duration) {
    self.deadlines[stream] = deadline
    self.heap.insert(Entry(deadline: deadline, stream: stream))
  }

  package mutating func remove(_ stream: StreamID) {
    guard self.deadlines.removeValue(forKey: stream) != nil else { return }
    // Removed entries stay in the heap until they come up; a peer that starts and cancels RPCs with
    // distant deadlines must not fill memory with them.
    if self.heap.count > 2 * self.deadlines.count + 64 {
      self.heap = Heap(self.deadlines.map { Entry(deadline: $0.value, stream: $0.key) })
    }
  }

  /// Whether a stream has a deadline, and it has come.
  package func isDue(_ stream: StreamID, now: Duration) -> Bool {
    self.deadlines[stream].map { $0 <= now } ?? false
  }

  /// The earliest deadline.
  package var next: Duration? {
    mutating get {
      while let entry = self.heap.min {
        if self.deadlines[entry.stream] == entry.deadline { return entry.deadline }
        self.heap.removeMin()
      }
      return nil
    }
  }

  /// Takes out a stream whose deadline has come, the earliest first.
  package mutating func popExpired(now: Duration) -> StreamID? {
    guard let next = self.next, next <= now else { return nil }
    let stream = self.heap.removeMin().stream
    self.deadlines.removeValue(forKey: stream)
    return stream
  }

  package mutating func removeAll() {
    self.heap = []
    self.deadlines = [:]
  }
}
