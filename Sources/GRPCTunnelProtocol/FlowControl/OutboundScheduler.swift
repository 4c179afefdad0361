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

/// The order in which a tunnel's frames leave: control frames first, in the order in which they
/// were queued; then the streams in turn, one chunk each, so that no stream holds up another.
package struct OutboundScheduler<Frame: Sendable>: Sendable {
  package enum Next: Sendable {
    case control(Frame)
    /// This stream's turn: it may send one chunk.
    case stream(StreamID)
  }

  private var control: Deque<Frame>
  private var streams: Deque<StreamID>
  private var isStopped: Bool

  package init() {
    self.control = []
    self.streams = []
    self.isStopped = false
  }

  package var isEmpty: Bool {
    self.control.isEmpty && self.streams.isEmpty
  }

  /// How many control frames wait. A peer can cause them without limit and without reading any, so
  /// that whoever reads from the peer must stop when there are many.
  package var controlFrameCount: Int {
    self.control.count
  }

  package mutating func enqueue(control frame: Frame) {
    if !self.isStopped { self.control.append(frame) }
  }

  /// Gives a stream its turn behind the others. A stream must not stand here twice.
  package mutating func enqueue(_ stream: StreamID) {
    if !self.isStopped { self.streams.append(stream) }
  }

  package mutating func next() -> Next? {
    if let frame = self.control.popFirst() {
      return .control(frame)
    }
    return self.streams.popFirst().map { .stream($0) }
  }

  /// Nothing can leave any more: drops what waits, and whatever comes later.
  package mutating func stop() {
    self.isStopped = true
    self.control.removeAll()
    self.streams.removeAll()
  }
}

extension OutboundScheduler {
  /// What a frame counts in a batch beyond its message data, in bytes: a rough figure.
  package static var costPerFrame: Int { 64 }
}
