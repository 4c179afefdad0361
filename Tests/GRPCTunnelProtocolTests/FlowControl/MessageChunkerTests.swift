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

internal import GRPCTunnelProtocol
internal import Testing

@Suite("Message chunker (PROTOCOL.md 5)")
struct MessageChunkerTests {
  private func chunks(of message: ArraySlice<UInt8>, window: Int) -> [MessageChunker.Chunk] {
    var chunker = MessageChunker(message)
    var chunks: [MessageChunker.Chunk] = []
    while chunker.canAdvance(window: window) {
      chunks.append(chunker.next(window: window))
    }
    #expect(chunker.isFinished)
    return chunks
  }

  @Test("An empty message is one envelope with size 0, and needs no window")
  func empty() {
    #expect(self.chunks(of: [], window: 0) == [.first(MessageEnvelope(size: 0, data: []))])
  }

  @Test(
    "Chunks have at most 16,384 bytes",
    arguments: [
      (1, [1]), (16_383, [16_383]), (16_384, [16_384]), (16_385, [16_384, 1]),
      (40_000, [16_384, 16_384, 7232]),
    ]
  )
  func sizes(count: Int, expected: [Int]) {
    let message = (0 ..< count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let chunks = self.chunks(of: message[...], window: .max)
    #expect(chunks.map(\.byteCount) == expected)

    var bytes: [UInt8] = []
    for (index, chunk) in chunks.enumerated() {
      switch chunk {
      case .first(let envelope):
        #expect(index == 0)
        #expect(envelope.size == UInt32(count))
        bytes += envelope.data
      case .more(let data):
        #expect(index > 0)
        bytes += data
      }
    }
    #expect(bytes == message)
  }

  @Test("A chunk is no longer than the window, and none leaves without one")
  func window() {
    var chunker = MessageChunker([1, 2, 3, 4, 5])
    #expect(!chunker.canAdvance(window: 0))
    #expect(chunker.next(window: 2) == .first(MessageEnvelope(size: 5, data: [1, 2])))
    #expect(!chunker.canAdvance(window: 0))
    #expect(chunker.next(window: 1) == .more([3]))
    #expect(!chunker.isFinished)
    #expect(chunker.next(window: 100) == .more([4, 5]))
    #expect(chunker.isFinished)
    #expect(!chunker.canAdvance(window: 100))
  }
}
