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
internal import GRPCCore

/// One direction of a carrier.
struct SimulatedPipe<Frame: Sendable>: Sendable {
  enum End: Sendable {
    case finished
    case failed(RPCError)
  }

  private(set) var frames: Deque<Frame> = []

  /// How the direction ends, behind its frames.
  private(set) var end: End?

  /// Nothing arrives for the time being.
  var isStalled = false

  /// Whether the reader sees the end.
  var isAtEnd: Bool {
    self.frames.isEmpty && self.end != nil
  }

  mutating func send(_ frames: [Frame]) {
    // Nobody sees what is sent behind the end.
    if self.end == nil { self.frames.append(contentsOf: frames) }
  }

  mutating func finish() {
    if self.end == nil { self.end = .finished }
  }

  /// Ends the direction at once: only the first `count` frames still arrive.
  mutating func fail(_ error: RPCError, keeping count: Int) {
    self.frames.removeLast(self.frames.count - count)
    self.end = .failed(error)
  }

  mutating func receive() -> Frame? {
    self.frames.popFirst()
  }

  /// The reader has gone away.
  mutating func discard() {
    self.frames.removeAll()
  }
}
