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
internal import GRPCTunnelProtocol

/// What one end sends on one direction of a stream: the messages that its application wrote, whole
/// and in order, in chunks that are not too long, within the window.
struct SentMessages {
  private var written: Deque<ArraySlice<UInt8>> = []
  private var isInside = false
  /// The bytes that may be sent; nil when no window limits them.
  private(set) var window: Int?

  init(window: UInt32?) {
    self.window = window.map { Int($0) }
  }

  /// Whether a message has begun and is not complete.
  var isInsideMessage: Bool {
    self.isInside
  }

  /// Whether messages were written that have not left.
  var hasUnsent: Bool {
    !self.written.isEmpty
  }

  mutating func wrote(_ message: ArraySlice<UInt8>) {
    self.written.append(message)
  }

  mutating func granted(_ increment: UInt32) {
    self.window = self.window.map { $0 + Int(increment) }
  }

  mutating func sent(_ envelope: MessageEnvelope) throws(Violation) {
    guard !self.isInside, let message = self.written.first else {
      throw Violation("A message began that nobody wrote, or inside another one")
    }
    try require(envelope.size == message.count, "A message's size is wrong")
    self.isInside = true
    try self.sent(chunk: envelope.data)
  }

  mutating func sent(_ data: ArraySlice<UInt8>) throws(Violation) {
    try require(self.isInside, "Data belongs to no message")
    try require(!data.isEmpty, "A chunk is empty")
    try self.sent(chunk: data)
  }

  private mutating func sent(chunk: ArraySlice<UInt8>) throws(Violation) {
    try require(chunk.count <= MessageChunker.maximumChunkSize, "A chunk is too long")
    guard let message = self.written.first, message.starts(with: chunk) else {
      throw Violation("Bytes were sent that are not those of the message")
    }
    if let window = self.window {
      try require(chunk.count <= window, "\(chunk.count) bytes were sent in a window of \(window)")
      self.window = window - chunk.count
    }
    if chunk.count == message.count {
      self.written.removeFirst()
      self.isInside = false
    } else {
      self.written[0] = message.dropFirst(chunk.count)
    }
  }
}
