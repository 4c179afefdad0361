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

/// Puts the chunks of one direction of a stream together again (PROTOCOL.md 5).
package struct MessageAssembler: Sendable {
  /// How a peer's chunks can be wrong.
  package enum Fault: Error, Hashable {
    /// A message began before the last one was complete.
    case envelopeInsideMessage
    /// Data came without a message that it could belong to.
    case dataOutsideMessage
    /// More data came than the envelope had announced.
    case dataBeyondSize(UInt32)
    /// The message is larger than this side takes, in bytes.
    case messageTooLarge(size: UInt32, maximum: Int)
  }

  /// What has arrived of a message. Chunks are kept as they came and joined at the end, in one
  /// allocation of just the right size; small ones are gathered, for each that is kept costs more than
  /// its bytes.
  private struct Partial: Sendable {
    private static let smallChunkSize = 4096

    let size: Int
    private(set) var count = 0
    private var chunks: [ArraySlice<UInt8>] = []
    private var smallChunks: [UInt8] = []

    init(size: Int) {
      self.size = size
    }

    mutating func append(_ chunk: ArraySlice<UInt8>) {
      self.count += chunk.count
      guard chunk.count >= Self.smallChunkSize else {
        self.smallChunks.append(contentsOf: chunk)
        return
      }
      self.endSmallChunks()
      self.chunks.append(chunk)
    }

    consuming func joined() -> ArraySlice<UInt8> {
      self.endSmallChunks()
      if self.chunks.count == 1 { return self.chunks[0] }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(self.count)
      for chunk in self.chunks {
        bytes.append(contentsOf: chunk)
      }
      return bytes[...]
    }

    private mutating func endSmallChunks() {
      if self.smallChunks.isEmpty { return }
      self.chunks.append(self.smallChunks[...])
      self.smallChunks = []
    }
  }

  private let maximumMessageSize: Int
  private var partial: Partial?

  /// - Parameter maximumMessageSize: The largest message taken, in bytes.
  package init(maximumMessageSize: Int) {
    self.maximumMessageSize = maximumMessageSize
  }

  /// Whether a message has begun and is not complete.
  package var isInsideMessage: Bool {
    self.partial != nil
  }

  /// The bytes gathered for the message that is not complete yet.
  package var partialByteCount: Int {
    self.partial?.count ?? 0
  }

  /// Takes the first chunk of a message.
  ///
  /// - Returns: The message when this chunk is all of it.
  package mutating func receive(
    _ envelope: MessageEnvelope
  ) throws(Fault) -> ArraySlice<UInt8>? {
    guard self.partial == nil else { throw .envelopeInsideMessage }
    guard envelope.size <= self.maximumMessageSize else {
      throw .messageTooLarge(size: envelope.size, maximum: self.maximumMessageSize)
    }
    guard envelope.data.count <= envelope.size else { throw .dataBeyondSize(envelope.size) }
    if envelope.data.count == envelope.size {
      return envelope.data
    }
    // The size is only a claim: memory grows with what really arrives.
    self.partial = Partial(size: Int(envelope.size))
    self.partial?.append(envelope.data)
    return nil
  }

  /// Takes a further chunk.
  ///
  /// - Returns: The message when this chunk completes it.
  package mutating func receive(_ data: ArraySlice<UInt8>) throws(Fault) -> ArraySlice<UInt8>? {
    guard let size = self.partial?.size, let count = self.partial?.count else {
      throw .dataOutsideMessage
    }
    guard data.count <= size - count else { throw .dataBeyondSize(UInt32(clamping: size)) }
    self.partial?.append(data)
    guard count + data.count == size else { return nil }
    return self.partial.take()?.joined()
  }
}
