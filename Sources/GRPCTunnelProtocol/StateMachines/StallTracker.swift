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

/// At revision zero: the streams whose unread messages stop the reading of the carrier, and since
/// when (PROTOCOL.md 6).
package struct StallTracker: Sendable {
  private var deadlines: [StreamID: Duration]
  private let timeout: Duration

  package init(timeout: Duration) {
    self.deadlines = [:]
    self.timeout = timeout
  }

  package var isEmpty: Bool {
    self.deadlines.isEmpty
  }

  /// When the first stall has lasted too long.
  package var next: Duration? {
    self.deadlines.isEmpty ? nil : self.deadlines.values.min()
  }

  /// The stream is full; nothing changes when it was so before.
  package mutating func begin(_ stream: StreamID, now: Duration) {
    if self.deadlines[stream] == nil {
      self.deadlines[stream] = now + self.timeout
    }
  }

  package mutating func remove(_ stream: StreamID) {
    guard !self.deadlines.isEmpty else { return }
    self.deadlines.removeValue(forKey: stream)
  }

  /// Takes out a stream whose stall has lasted too long, the earliest first.
  package mutating func popExpired(now: Duration) -> StreamID? {
    let expired = self.deadlines.lazy.filter { $0.value <= now }
    let earliest = expired.min { ($0.value, $0.key) < ($1.value, $1.key) }
    guard let stream = earliest?.key else { return nil }
    self.deadlines.removeValue(forKey: stream)
    return stream
  }

  package mutating func removeAll() {
    self.deadlines.removeAll()
  }
}
