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

@Suite("Tunnel client: drain and end (PROTOCOL.md 8 and 10)")
struct TunnelClientDrainTests {
  private func drain(_ last: StreamID) -> ServerFrame {
    ServerFrame(.tunnel, .drain(Drain(lastStreamID: last)))
  }

  @Test("A tunnel that drains takes no more streams and ends when the others have ended")
  func ownDrain() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.takeFrames()
    #expect(client.outputEnd == nil)
    client.beginDrain(now: .zero)
    #expect(client.reserveStream().errorCode == .failedPrecondition)
    #expect(!client.isReady)
    #expect(client.isDrainingOrClosed)
    #expect(client.outputEnd == nil)
    #expect(client.write([1], to: id).isWritten)
    _ = client.receive(ServerFrame(id, .closeStream(.ok)))
    _ = client.takeFrames()
    #expect(client.outputEnd?.isFinished == true)
  }

  @Test("Frames that wait, and places that are held, keep a tunnel that drains")
  func ownDrainWaits() throws {
    var client = TunnelClientStateMachine.opened()
    #expect(client.reserveStream().isReserved)
    client.beginDrain(now: .zero)
    #expect(client.outputEnd == nil)
    let id = try client.open(method: "s/m", headers: [:], timeout: nil, now: .zero)
    client.release(id)
    #expect(client.outputEnd == nil, "The cancel must leave")
    #expect(client.takeFrames().count == 2)
    #expect(client.outputEnd?.isFinished == true)
  }

  @Test("A drain that takes too long ends the tunnel; a second one gives it no more time")
  func drainTimeout() throws {
    var client = TunnelClientStateMachine.opened { $0.drainTimeout = .seconds(30) }
    let id = try client.start()
    _ = client.takeFrames()
    client.beginDrain(now: .seconds(1))
    client.beginDrain(now: .seconds(20))
    #expect(client.nextTimer == .seconds(31))
    #expect(client.expireTimers(now: .seconds(31)).isClosed)
    #expect(client.read(id).errorCode == .unavailable)
    #expect(client.closure?.error == nil)
  }

  @Test("A tunnel that drains before it opens ends at once")
  func drainBeforeOpening() {
    var client = TunnelClientStateMachine(
      configuration: TunnelConfiguration(),
      offered: .extended
    )
    client.beginDrain(now: .zero)
    #expect(client.outputEnd?.isFinished == true)
    #expect(client.reserveStream().errorCode == .failedPrecondition)
  }

  @Test("After this end's half-close the peer has the close timeout to end the carrier")
  func closeTimeout() {
    var client = TunnelClientStateMachine.opened { $0.closeTimeout = .seconds(5) }
    client.beginDrain(now: .zero)
    client.outputFinished(now: .seconds(1))
    #expect(client.nextTimer == .seconds(6))
    #expect(client.expireTimers(now: .seconds(6)).isClosed)
    #expect(client.closure?.initiator == .local)
  }

  @Test("The peer's answer to this end's half-close is no loss")
  func answeredClose() {
    var client = TunnelClientStateMachine.opened()
    client.beginDrain(now: .zero)
    client.outputFinished(now: .zero)
    #expect(client.receive(ServerFrame(1, nil)).isIgnored)
    client.close(TunnelEnd(initiator: .remote, error: nil))
    #expect(client.closure?.initiator == .local)
  }

  // MARK: - The peer drains

  @Test("A peer that drains gets no more streams; those that it has seen go on")
  func peerDrain() throws {
    var client = TunnelClientStateMachine.opened(.extended)
    let id = try client.start()
    #expect(client.receive(self.drain(id)).isTunnel)
    #expect(client.isDrainingOrClosed)
    #expect(!client.isReady)
    #expect(client.reserveStream().errorCode == .unavailable)
    #expect(client.read(id).isWait)
    _ = client.receive(ServerFrame(id, .closeStream(.ok)))
    #expect(client.read(id).part == .headers([:]))
  }

  @Test("Streams above the last that the peer processes fail as not processed")
  func peerDrainRefuses() throws {
    var client = TunnelClientStateMachine.opened(.extended)
    let ids = try (0 ..< 20).map { _ in try client.start(timeout: .seconds(9)) }
    _ = client.takeFrames()
    _ = client.receive(self.drain(3))
    for id in ids {
      guard id > 3 else {
        #expect(client.read(id).isWait)
        continue
      }
      guard case .close(let close) = client.read(id).part else {
        Issue.record("Stream \(id) goes on")
        continue
      }
      #expect(close.unprocessed)
      #expect(close.status?.code == 14)
    }
    #expect(client.activeStreamCount == 3)
    #expect(!client.hasFrames, "The peer ignores what is above")
  }

  @Test("A stream that was about to start when the peer began to drain is not sent any more")
  func startedBehindDrain() throws {
    var client = TunnelClientStateMachine.opened(.extended)
    #expect(client.reserveStream().isReserved)
    _ = client.receive(self.drain(0))
    let error = #expect(throws: RPCError.self) {
      try client.open(method: "s/m", headers: [:], timeout: nil, now: .zero)
    }
    #expect(error?.code == .unavailable)
    #expect(!client.hasFrames)
    client.beginDrain(now: .zero)
    _ = client.takeFrames()
    #expect(client.outputEnd?.isFinished == true, "Its place was given back")
  }

  @Test("A second drain can refuse more, and never takes a refusal back")
  func secondDrain() throws {
    var client = TunnelClientStateMachine.opened(.extended)
    for _ in 0 ..< 3 { _ = try client.start() }
    _ = client.receive(self.drain(2))
    #expect(client.activeStreamCount == 2)
    _ = client.receive(self.drain(9))
    #expect(client.activeStreamCount == 2)
    _ = client.receive(self.drain(-1))
    #expect(client.activeStreamCount == 0)
  }

  @Test("A drain that refuses nothing more is ignored")
  func repeatedDrain() throws {
    var client = TunnelClientStateMachine.opened(.extended)
    let id = try client.start()
    #expect(client.receive(self.drain(id)).isTunnel)
    #expect(client.receive(self.drain(id)).isIgnored)
    #expect(client.receive(self.drain(9)).isIgnored)
    #expect(client.receive(self.drain(-1)).isTunnel)
    #expect(client.receive(self.drain(StreamID(rawValue: .min))).isIgnored)
  }

  @Test("A drain refuses streams however little metadata is taken")
  func drainWithSmallLimit() throws {
    var client = TunnelClientStateMachine.opened(.extended) { $0.maximumMetadataSize = 0 }
    let id = try client.start()
    _ = client.takeFrames()
    _ = client.receive(self.drain(0))
    #expect(client.activeStreamCount == 0)
    #expect(client.isUnprocessed(id))
  }

  @Test(
    "A drain that was not negotiated is ignored",
    arguments: [CarrierHeaders.negotiating, .silent]
  )
  func notNegotiated(peer: CarrierHeaders) throws {
    var client = TunnelClientStateMachine.opened(peer)
    let id = try client.start()
    #expect(client.receive(self.drain(0)).isIgnored)
    #expect(client.isReady)
    #expect(client.read(id).isWait)
  }

  @Test("A drain keeps a tunnel with too many frames waiting readable once they have left")
  func controlFrames() throws {
    var client = TunnelClientStateMachine.opened { $0.maximumQueuedControlFrames = 2 }
    for _ in 0 ..< 3 { _ = try client.start() }
    #expect(client.isInboundPaused)
    _ = client.takeFrames()
    #expect(!client.isInboundPaused)
  }
}
