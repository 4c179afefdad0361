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

@Suite("Tunnel client: what its peer cannot have seen")
struct UnprocessedStreamTests {
  private func isUnprocessed(
    _ client: inout TunnelClientStateMachine,
    _ id: StreamID
  ) -> Bool? {
    switch client.read(id) {
    case .part(.close(let close)):
      #expect(close.status?.code == 14)
      return close.unprocessed
    case .failed(let error):
      #expect(error.code == .unavailable)
      return false
    case .part, .end, .wait:
      return nil
    }
  }

  @Test("PROTOCOL.md 10: a stream that has not left was not processed, whoever the peer is")
  func notLeft() throws {
    var client = TunnelClientStateMachine.opened()
    let left = try client.start()
    _ = client.takeFrames()
    let waiting = try client.start()
    _ = client.write([1, 2, 3], to: waiting)
    client.close(
      TunnelEnd(initiator: .remote, error: RPCError(code: .unknown, message: "broken"))
    )
    #expect(self.isUnprocessed(&client, left) == false)
    #expect(self.isUnprocessed(&client, waiting) == true)
    #expect(client.read(waiting).isEnd)
  }

  @Test("A peer that invents a response gets no second one for its stream")
  func inventedResponse() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.receive(ServerFrame(id, .responseHeaders([:])), now: .zero)
    client.close(TunnelEnd(initiator: .remote, error: nil))
    #expect(client.read(id).errorCode == .unavailable)
    #expect(!client.isUnprocessed(id))
  }

  @Test("A stream that its own application has ended stays ended")
  func cancelled() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    client.cancel(id, error: RPCError(code: .cancelled, message: ""))
    client.close(TunnelEnd(initiator: .remote, error: nil))
    #expect(client.read(id).errorCode == .cancelled)
  }

  @Test("Part of a batch leaves: the rest was not processed")
  func partOfBatch() throws {
    var client = TunnelClientStateMachine.opened()
    let first = try client.start()
    let second = try client.start()
    var frames: [ClientFrame] = []
    _ = client.takeFrames(into: &frames, maximumByteCount: 1)
    #expect(frames.map(\.streamID) == [first])
    client.close(TunnelEnd(initiator: .remote, error: nil))
    #expect(self.isUnprocessed(&client, first) == false)
    #expect(self.isUnprocessed(&client, second) == true)
  }
}

@Suite("A tunnel client tells its peer that it drains")
struct ClientDrainSignalTests {
  private static let signal = ClientFrame(.tunnel, .halfClose)

  @Test("once, and only to a peer with the extension")
  func sent() {
    var client = TunnelClientStateMachine.opened(.extended)
    client.beginDrain(now: .zero)
    client.beginDrain(now: .zero)
    #expect(client.takeFrames() == [Self.signal])
    #expect(client.outputEnd?.isFinished == true)

    client = .opened(.negotiating)
    client.beginDrain(now: .zero)
    #expect(client.takeFrames().isEmpty)
  }

  @Test("and the peer goes on with what is open")
  func received() {
    var server = TunnelServerStateMachine.opened(.extended)
    _ = server.receive(.newStream(1))
    #expect(server.receive(Self.signal).isTunnel)
    #expect(server.isPeerDraining)
    #expect(server.receive(Self.signal).isIgnored)
    #expect(server.outputEnd == nil)
    server.close(1, with: .ok)
    #expect(server.takeFrames().last == ServerFrame(1, .closeStream(.ok)))
  }

  @Test("A peer that has not negotiated it is not understood", arguments: [-1, -2] as [Int64])
  func ignored(id: Int64) {
    var server = TunnelServerStateMachine.opened(id == -1 ? .negotiating : .extended)
    #expect(server.receive(ClientFrame(StreamID(rawValue: id), .halfClose)).isIgnored)
    #expect(!server.isPeerDraining)
  }
}
