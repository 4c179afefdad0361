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

internal import NIOCore

/// Lets the data of a stream through, but for compressed messages that cannot be decompressed: in
/// their place it puts one at which the transport fails as it should.
///
/// A compressed message is held until it is complete.
struct CompressedMessageFilter {
  private enum State {
    /// The five bytes before a message come next.
    case prefix
    /// A message that is not compressed, of which so many bytes are missing.
    case passing(Int)
    /// A compressed message of this length.
    case holding(Int)
    /// The stream is to fail; nothing more is let through.
    case failed
  }

  private static let prefixLength = 5

  /// A compressed message of two bytes that no compression begins with.
  static let undecompressable: [UInt8] = [1, 0, 0, 0, 2, 0xff, 0xff]

  private let maximumMessageSize: Int
  private var state = State.prefix
  private var held = ByteBuffer()

  /// - Parameter maximumMessageSize: The largest compressed message that is let through, in bytes,
  ///   before and after it is decompressed.
  init(maximumMessageSize: Int) {
    self.maximumMessageSize = maximumMessageSize
  }

  /// Takes data of the stream, and gives what is let through.
  mutating func filter(_ data: ByteBuffer) -> ByteBuffer {
    self.held.writeImmutableBuffer(data)
    var passed = ByteBuffer()
    while self.step(into: &passed) {}
    if self.held.readableBytes == 0 {
      self.held.clear()
    } else {
      self.held.discardReadBytes()
    }
    return passed
  }

  /// - Returns: Whether there may be more to do.
  private mutating func step(into passed: inout ByteBuffer) -> Bool {
    switch self.state {
    case .prefix:
      let start = self.held.readerIndex
      guard self.held.readableBytes >= Self.prefixLength,
        let flag = self.held.getInteger(at: start, as: UInt8.self),
        let length = self.held.getInteger(at: start + 1, as: UInt32.self)
      else { return false }
      if flag != 1 {
        self.pass(Self.prefixLength, into: &passed)
        self.state = .passing(Int(length))
      } else if length <= self.maximumMessageSize {
        self.state = .holding(Int(length))
      } else {
        self.fail(into: &passed)
      }
      return true

    case .passing(let missing):
      let count = min(missing, self.held.readableBytes)
      self.pass(count, into: &passed)
      self.state = count < missing ? .passing(missing - count) : .prefix
      return count == missing

    case .holding(let length):
      let start = self.held.readerIndex + Self.prefixLength
      guard let message = self.held.getSlice(at: start, length: length) else { return false }
      let comesToAnEnd = message.withUnsafeReadableBytes {
        CompressedMessage.comesToAnEnd($0, limit: self.maximumMessageSize)
      }
      if comesToAnEnd {
        self.pass(Self.prefixLength + length, into: &passed)
        self.state = .prefix
      } else {
        self.fail(into: &passed)
      }
      return true

    case .failed:
      self.held.clear()
      return false
    }
  }

  private mutating func pass(_ count: Int, into passed: inout ByteBuffer) {
    guard var bytes = self.held.readSlice(length: count) else { return }
    passed.writeBuffer(&bytes)
  }

  private mutating func fail(into passed: inout ByteBuffer) {
    passed.writeBytes(Self.undecompressable)
    self.state = .failed
  }
}
