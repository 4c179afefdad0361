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

/// The messages that the application wrote to one direction of a stream and that have not left yet,
/// with the window that lets them go.
package struct OutboundMessageQueue: Sendable {
  /// What a queued message costs beyond its bytes, in bytes: a rough figure.
  private static let costPerMessage = 64

  private var window: SendWindow
  private var messages: Deque<MessageChunker>
  /// The bytes of messages that have not left yet.
  package private(set) var byteCount: Int

  package init(window: SendWindow) {
    self.window = window
    self.messages = []
    self.byteCount = 0
  }

  package var isEmpty: Bool {
    self.messages.isEmpty
  }

  /// Whether more messages should wait until some have left. Empty ones count too: they need no
  /// window, and an application may write any number of them to a carrier that is stuck.
  package func isFull(limit: Int) -> Bool {
    self.byteCount + self.messages.count * Self.costPerMessage > limit
  }

  /// Whether a chunk can leave now.
  package var isSendable: Bool {
    self.messages.first?.canAdvance(window: self.window.available) ?? false
  }

  /// Whether messages wait, and only for window.
  package var isOutOfWindow: Bool {
    self.messages.first.map { !$0.canAdvance(window: self.window.available) } ?? false
  }

  package mutating func append(_ message: ArraySlice<UInt8>) {
    self.byteCount += message.count
    self.messages.append(MessageChunker(message))
  }

  /// Takes the next chunk, if one can leave now.
  package mutating func next() -> MessageChunker.Chunk? {
    guard self.isSendable else { return nil }
    let chunk = self.messages[0].next(window: self.window.available)
    if self.messages[0].isFinished {
      self.messages.removeFirst()
    }
    self.window.consume(chunk.byteCount)
    self.byteCount -= chunk.byteCount
    return chunk
  }

  /// Adds credit from the peer.
  ///
  /// - Returns: false when the window would grow past its maximum.
  package mutating func grow(by increment: UInt32) -> Bool {
    self.window.grow(by: increment)
  }

  /// Forgets everything: the stream ended.
  package mutating func discard() {
    self.messages.removeAll()
    self.byteCount = 0
  }
}
