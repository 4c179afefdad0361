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

/// The messages that arrived on one direction of a stream and wait for the application, together
/// with the credit that they hold.
///
/// A chunk counts as consumed as soon as the application waits for the message that it belongs to;
/// chunks of messages that nobody waits for hold their credit (PROTOCOL.md 6). So a message larger
/// than the window flows while it is assembled, and a stream that nobody reads stops.
package struct InboundMessageQueue: Sendable {
  /// How a peer can break the rules of messages and windows.
  package enum Fault: Error, Hashable {
    case assembly(MessageAssembler.Fault)
    /// Data beyond the window, in bytes.
    case windowExceeded(available: Int)
    /// More empty messages wait than this side keeps.
    case tooManyEmptyMessages(maximum: Int)
  }

  private var window: ReceiveWindow?
  private var assembler: MessageAssembler
  private var messages: WaitingMessages
  private var heldCreditOfPartial: Int
  private var isAwaited: Bool
  private var emptyMessageCount: Int
  private let maximumEmptyMessages: Int

  /// The bytes held in memory: complete messages, and the one that is being assembled.
  package private(set) var bufferedByteCount: Int

  /// - Parameters:
  ///   - window: The window announced to the peer; nil at revision zero.
  ///   - maximumMessageSize: The largest message taken, in bytes.
  ///   - maximumEmptyMessages: How many empty messages, which need no credit, may wait.
  package init(window: ReceiveWindow?, maximumMessageSize: Int, maximumEmptyMessages: Int) {
    self.window = window
    self.assembler = MessageAssembler(maximumMessageSize: maximumMessageSize)
    self.messages = WaitingMessages()
    self.heldCreditOfPartial = 0
    self.isAwaited = false
    self.emptyMessageCount = 0
    self.maximumEmptyMessages = maximumEmptyMessages
    self.bufferedByteCount = 0
  }

  /// Whether a message has begun and is not complete.
  package var isInsideMessage: Bool {
    self.assembler.isInsideMessage
  }

  /// Whether a complete message waits.
  package var hasMessage: Bool {
    !self.messages.isEmpty
  }

  package mutating func receive(_ envelope: MessageEnvelope) throws(Fault) {
    try self.takeCredit(envelope.data.count)
    let message: ArraySlice<UInt8>?
    do {
      message = try self.assembler.receive(envelope)
    } catch {
      throw .assembly(error)
    }
    try self.received(envelope.data.count, completing: message)
  }

  package mutating func receive(_ data: ArraySlice<UInt8>) throws(Fault) {
    try self.takeCredit(data.count)
    let message: ArraySlice<UInt8>?
    do {
      message = try self.assembler.receive(data)
    } catch {
      throw .assembly(error)
    }
    try self.received(data.count, completing: message)
  }

  /// What it costs to keep what waits, in bytes: complete messages, the one that is being assembled,
  /// and a rough figure for what messages cost beyond their bytes. A window that a peer has filled costs
  /// at most twice its bytes and 4 KiB, however small the messages, and empty ones a byte each.
  package var unreadByteCount: Int {
    self.messages.byteCount + self.assembler.partialByteCount
  }

  /// Takes the next complete message; when there is none, the application now waits for it.
  package mutating func next() -> ArraySlice<UInt8>? {
    guard let message = self.messages.popFirst() else {
      self.isAwaited = true
      self.window?.consume(self.heldCreditOfPartial)
      self.heldCreditOfPartial = 0
      return nil
    }
    self.isAwaited = false
    self.bufferedByteCount -= message.bytes.count
    if message.bytes.isEmpty {
      self.emptyMessageCount -= 1
    }
    self.window?.consume(message.heldCredit)
    return message.bytes
  }

  /// The credit to return to the peer now, if there is enough of it.
  ///
  /// - Parameters:
  ///   - allowance: By how many bytes the window may grow now.
  ///   - arrival: When data arrived last.
  package mutating func takeWindowUpdate(
    allowance: Int = 0,
    arrival: Duration = .zero
  ) -> UInt32? {
    self.window?.takeUpdate(allowance: allowance, arrival: arrival)
  }

  /// By how many bytes the window is larger than announced.
  package var windowGrowth: Int {
    self.window?.growth ?? 0
  }

  /// Whether the application should take something before more is read for it: at revision zero,
  /// where no window limits the peer, this stops the reading of the carrier.
  package func isFull(limit: Int) -> Bool {
    guard self.window == nil else { return false }
    return !self.messages.isEmpty && self.unreadByteCount > limit
  }

  /// Forgets everything: the stream ended, and nobody will read what is left.
  package mutating func discard() {
    self.messages.removeAll()
    self.assembler = MessageAssembler(maximumMessageSize: 0)
    self.bufferedByteCount = 0
    self.emptyMessageCount = 0
    self.heldCreditOfPartial = 0
  }

  private mutating func takeCredit(_ count: Int) throws(Fault) {
    if let available = self.window?.available, self.window?.receive(count) == false {
      throw .windowExceeded(available: available)
    }
  }

  private mutating func received(
    _ count: Int,
    completing message: ArraySlice<UInt8>?
  ) throws(Fault) {
    self.bufferedByteCount += count
    // Only the first message in the queue can be awaited.
    if self.isAwaited, self.messages.isEmpty {
      self.window?.consume(count)
    } else {
      self.heldCreditOfPartial += count
    }
    guard let message else { return }
    if message.isEmpty {
      guard self.emptyMessageCount < self.maximumEmptyMessages else {
        throw .tooManyEmptyMessages(maximum: self.maximumEmptyMessages)
      }
      self.emptyMessageCount += 1
    }
    self.messages.append(message, heldCredit: self.heldCreditOfPartial)
    self.heldCreditOfPartial = 0
  }
}
