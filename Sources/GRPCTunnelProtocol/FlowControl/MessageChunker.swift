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

/// Cuts one message into the chunks in which it travels (PROTOCOL.md 5).
package struct MessageChunker: Sendable {
  /// No chunk that we send is longer, in bytes.
  package static let maximumChunkSize = 16_384

  package enum Chunk: Hashable, Sendable {
    /// The first chunk, with the size of the whole message.
    case first(MessageEnvelope)
    case more(ArraySlice<UInt8>)

    package var byteCount: Int {
      switch self {
      case .first(let envelope): envelope.data.count
      case .more(let data): data.count
      }
    }
  }

  private let size: UInt32
  private var rest: ArraySlice<UInt8>
  private var isStarted: Bool

  /// - Parameter message: The message; no longer than `UInt32.max` bytes.
  package init(_ message: ArraySlice<UInt8>) {
    self.size = UInt32(clamping: message.count)
    self.rest = message
    self.isStarted = false
  }

  package var isFinished: Bool {
    self.isStarted && self.rest.isEmpty
  }

  /// Whether the next chunk can leave with this much window: an empty message needs none.
  package func canAdvance(window: Int) -> Bool {
    self.rest.isEmpty ? !self.isStarted : window > 0
  }

  /// The next chunk, of at most `window` bytes; call it only when ``canAdvance(window:)`` holds.
  package mutating func next(window: Int) -> Chunk {
    let data = self.rest.prefix(min(window, Self.maximumChunkSize))
    self.rest = self.rest.dropFirst(data.count)
    if self.isStarted {
      return .more(data)
    }
    self.isStarted = true
    return .first(MessageEnvelope(size: self.size, data: data))
  }
}
