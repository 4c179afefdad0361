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

internal import GRPCCore
internal import GRPCTunnelProtocol
internal import Testing

@Suite("Stream table: order and size of batches")
struct StreamTableTests {
  private func server(
    streams: Int64,
    window: UInt32 = 1_000_000
  ) -> TunnelServerStateMachine {
    var server = TunnelServerStateMachine.opened()
    for id in 1 ... streams {
      _ = server.receive(.newStream(StreamID(rawValue: id), window: window))
      _ = server.writeHeaders([:], to: StreamID(rawValue: id))
    }
    _ = server.takeFrames()
    return server
  }

  private func message(chunks: Int) -> ArraySlice<UInt8> {
    ArraySlice(repeating: 7, count: chunks * MessageChunker.maximumChunkSize)
  }

  @Test("Streams take turns, one chunk each, whatever they have queued")
  func fairness() {
    var server = self.server(streams: 3)
    _ = server.write(self.message(chunks: 4), to: 1)
    _ = server.write(self.message(chunks: 1), to: 2)
    _ = server.write(self.message(chunks: 2), to: 3)
    #expect(server.takeFrames().map(\.streamID.rawValue) == [1, 2, 3, 1, 3, 1, 1])
  }

  @Test("A stream without window takes no turn, and stands in line again with the next update")
  func blocked() {
    var server = self.server(streams: 2, window: 0)
    _ = server.write([1], to: 1)
    _ = server.write([2], to: 2)
    #expect(!server.hasFrames)
    for _ in 0 ..< 3 {
      _ = server.receive(ClientFrame(1, .windowUpdate(0)))
    }
    #expect(!server.hasFrames)
    _ = server.receive(ClientFrame(2, .windowUpdate(1)))
    _ = server.receive(ClientFrame(1, .windowUpdate(1)))
    #expect(server.takeFrames().map(\.streamID.rawValue) == [2, 1])
  }

  @Test("A stream stands in line once, however often it is written to")
  func once() {
    var server = self.server(streams: 2)
    for _ in 0 ..< 3 { _ = server.write([1], to: 1) }
    _ = server.write([2], to: 2)
    #expect(server.takeFrames().map(\.streamID.rawValue) == [1, 2, 1, 1])
  }

  @Test("Control frames go before the messages of all streams")
  func control() {
    var server = self.server(streams: 2)
    _ = server.write(self.message(chunks: 3), to: 1)
    var frames: [ServerFrame] = []
    _ = server.takeFrames(into: &frames, maximumByteCount: 1)
    _ = server.writeHeaders([:], to: 2)
    _ = server.receive(.newStream(3, "malformed"))
    #expect(server.takeFrames().map(\.streamID.rawValue) == [3, 1, 1])
  }

  @Test("A batch ends with the frame that fills it")
  func batches() {
    var server = self.server(streams: 1)
    _ = server.write(self.message(chunks: 10), to: 1)
    var frames: [ServerFrame] = []
    _ = server.takeFrames(into: &frames, maximumByteCount: 40_000)
    #expect(frames.count == 3)
    _ = server.takeFrames(into: &frames, maximumByteCount: 16_384)
    #expect(frames.count == 4)
    _ = server.takeFrames(into: &frames, maximumByteCount: 0)
    #expect(frames.count == 4)
    #expect(server.hasFrames)
  }

  @Test("The windows of a tunnel's streams grow together by no more than the limit")
  func windowGrowth() {
    var server = TunnelServerStateMachine.opened { $0.maximumWindowGrowth = 100_000 }
    for id in [1, 2] as [StreamID] {
      _ = server.receive(.newStream(id))
      _ = server.read(id)
    }
    // Takes twice a window, and tells by how much more than that was granted.
    let growth = { (id: StreamID) -> Int in
      var granted = 0
      for _ in 0 ..< 8 {
        let envelope = MessageEnvelope(ArraySlice(repeating: 0, count: 16_384))
        _ = server.receive(ClientFrame(id, .requestMessage(envelope)))
        _ = server.read(id)
        for case .windowUpdate(let increment)? in server.takeFrames().map(\.payload) {
          granted += Int(increment)
        }
      }
      // The last message's credit is held back.
      return granted - 7 * 16_384
    }
    #expect(growth(1) == 65_536)
    #expect(growth(2) == 100_000 - 65_536)
    // A stream that ends leaves its part to others.
    _ = server.receive(ClientFrame(1, .cancel))
    _ = server.receive(.newStream(3))
    _ = server.read(3)
    #expect(growth(3) == 65_536)
  }

  @Test("Frames without bytes fill a batch too")
  func emptyMessages() {
    var server = self.server(streams: 1)
    for _ in 0 ..< 1000 { _ = server.write([], to: 1) }
    var frames: [ServerFrame] = []
    _ = server.takeFrames(into: &frames, maximumByteCount: 6400)
    #expect(frames.count == 100)
  }

  @Test("Streams that ended in line take their turn with nothing")
  func endedInLine() {
    var server = self.server(streams: 3)
    for id in [1, 2, 3] as [StreamID] { _ = server.write([1], to: id) }
    _ = server.receive(ClientFrame(1, .cancel))
    server.release(1)
    _ = server.receive(ClientFrame(2, .cancel))
    #expect(server.takeFrames().map(\.streamID) == [3])
    #expect(!server.hasFrames)
    server.release(2)
    #expect(server.activeStreamCount == 1)
  }

  @Test("A batch can turn out empty")
  func emptyBatch() {
    var server = self.server(streams: 1)
    _ = server.write([1], to: 1)
    _ = server.receive(ClientFrame(1, .cancel))
    #expect(server.hasFrames)
    #expect(server.takeFrames().isEmpty)
    #expect(!server.hasFrames)
  }
}
