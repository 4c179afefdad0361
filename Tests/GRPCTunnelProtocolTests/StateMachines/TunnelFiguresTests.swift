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

@Suite("What a tunnel has done")
struct TunnelFiguresTests {
  @Test("RPCs count when they start, and by status when they end")
  func streams() throws {
    var client = TunnelClientStateMachine.opened()
    for code in [0, 5, 99] as [Int32] {
      let id = try client.start()
      let close = CloseStream(status: WireStatus(code: code))
      _ = client.receive(ServerFrame(id, .closeStream(close)))
    }
    let id = try client.start()
    client.release(id)
    #expect(client.figures.streamsStarted == 4)
    #expect(client.figures.streamsFinished[0] == 1)
    #expect(client.figures.streamsFinished[1] == 1)
    #expect(client.figures.streamsFinished[2] == 1, "99 is UNKNOWN")
    #expect(client.figures.streamsFinished[5] == 1)

    var server = TunnelServerStateMachine.opened()
    _ = server.receive(.newStream(1))
    _ = server.receive(.newStream(2))
    _ = server.receive(.newStream(3, "nonsense"))
    server.close(1, with: CloseStream(.notFound))
    _ = server.takeFrames()
    _ = server.receive(ClientFrame(2, .cancel))
    #expect(server.figures.streamsStarted == 2)
    #expect(server.figures.streamsRefused == 1)
    #expect(server.figures.streamsFinished[5] == 1)
    #expect(server.figures.streamsFinished[1] == 1)
  }

  @Test("Messages and bytes count when they are on their way, and until then are held")
  func messages() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.write([UInt8](repeating: 1, count: 20_000)[...], to: id)
    #expect(client.figures.bufferedByteCount == 20_000)
    #expect(client.figures.bytesSent == 0)
    _ = client.takeFrames()
    #expect(client.figures.bufferedByteCount == 0)
    #expect(client.figures.bytesSent == 20_000)
    #expect(client.figures.messagesSent == 1)

    _ = client.receive(ServerFrame(id, .responseMessage(MessageEnvelope([1, 2, 3]))))
    #expect(client.figures.messagesReceived == 1)
    #expect(client.figures.bytesReceived == 3)
    #expect(client.figures.bufferedByteCount == 3)
    client.release(id)
    #expect(client.figures.bufferedByteCount == 0)
  }

  @Test("A wait for window counts from the message that has none to the credit for it")
  func windowStalls() throws {
    var client = TunnelClientStateMachine.opened { $0.sendBufferSize = 1 << 20 }
    let id = try client.start()
    let half = [UInt8](repeating: 1, count: 65_536)[...]
    _ = client.write(half, to: id, now: .seconds(1))
    var frames: [ClientFrame] = []
    _ = client.takeFrames(into: &frames, maximumByteCount: .max, now: .seconds(2))
    #expect(client.figures.windowStalls == 0, "All of it left")

    _ = client.write([1], to: id, now: .seconds(3))
    #expect(client.figures.windowStalls == 1)
    _ = client.receive(ServerFrame(id, .windowUpdate(10)), now: .seconds(7))
    #expect(client.figures.windowStallTime == .seconds(4))

    _ = client.write(half, to: id, now: .seconds(8))
    _ = client.takeFrames(into: &frames, maximumByteCount: .max, now: .seconds(9))
    _ = client.receive(ServerFrame(id, .windowUpdate(1)), now: .seconds(10))
    #expect(client.figures.windowStalls == 2)
    #expect(client.figures.windowStallTime == .seconds(5))
  }

  @Test("Nothing is held once the tunnel has ended and its RPCs are released")
  func end() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.write([1, 2, 3], to: id)
    client.close(TunnelEnd(initiator: .local, error: nil))
    client.release(id)
    #expect(client.figures.bufferedByteCount == 0)
    #expect(client.figures.streamsFinished.reduce(0, +) == 1)
  }
}
