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

/// The complete messages that wait for the application, in order.
///
/// A peer may fill a window with messages of a byte each, so none may take much more memory than it has
/// bytes. Those that are small are therefore packed together once a few wait: whatever a peer sends, what
/// is kept costs at most twice its bytes, a little for the first few, and a byte for each empty message.
package struct WaitingMessages: Sendable {
  /// What a message costs beyond its bytes when it is kept by itself, in bytes: a rough figure.
  private static let costPerMessage = 64

  /// So many messages are kept by themselves, whatever their size.
  private static let unpackedCount = 64

  /// What is kept as one, in bytes.
  private static let packSize = 4096

  private enum Entry: Sendable {
    case message(ArraySlice<UInt8>, heldCredit: Int)
    /// Small messages, each behind a byte with its size. None of their credit has been consumed.
    case pack(ArraySlice<UInt8>)
  }

  private var entries: Deque<Entry> = []

  /// How many messages wait.
  package private(set) var count = 0

  /// What it costs to keep the messages, in bytes.
  package private(set) var byteCount = 0

  package init() {}

  package var isEmpty: Bool {
    self.entries.isEmpty
  }

  /// - Parameter heldCredit: The bytes of it whose credit has not been consumed.
  package mutating func append(_ message: ArraySlice<UInt8>, heldCredit: Int) {
    // The credit of a message behind others is all there: only the first one can be awaited.
    if self.count >= Self.unpackedCount, heldCredit == message.count,
      let size = UInt8(exactly: message.count)
    {
      self.pack(message, size)
      self.byteCount += 1 + message.count
    } else {
      self.entries.append(.message(message, heldCredit: heldCredit))
      self.byteCount += Self.costPerMessage + message.count
    }
    self.count += 1
  }

  private mutating func pack(_ message: ArraySlice<UInt8>, _ size: UInt8) {
    // Taken out while it grows, so that it is not copied.
    guard case .pack(var bytes) = self.entries.last, bytes.count + message.count < Self.packSize
    else {
      self.entries.append(.pack([size] + message))
      return
    }
    self.entries.removeLast()
    bytes.append(size)
    bytes.append(contentsOf: message)
    self.entries.append(.pack(bytes))
  }

  package mutating func popFirst() -> (bytes: ArraySlice<UInt8>, heldCredit: Int)? {
    switch self.entries.popFirst() {
    case .message(let message, let heldCredit):
      self.count -= 1
      self.byteCount -= Self.costPerMessage + message.count
      return (message, heldCredit)
    case .pack(var bytes):
      guard let size = bytes.popFirst().map({ Int($0) }) else { return nil }
      let message = bytes.prefix(size)
      bytes.removeFirst(size)
      if !bytes.isEmpty { self.entries.prepend(.pack(bytes)) }
      self.count -= 1
      self.byteCount -= 1 + size
      return (message, size)
    case .none:
      return nil
    }
  }

  package mutating func removeAll() {
    self = WaitingMessages()
  }
}
