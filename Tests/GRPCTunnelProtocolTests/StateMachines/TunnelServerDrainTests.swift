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

@Suite("Tunnel server: drain and end (PROTOCOL.md 8 and 10)")
struct TunnelServerDrainTests {
  @Test(
    "While draining new streams are refused, as not processed where that is negotiated",
    arguments: [true, false]
  )
  func refusal(isExtended: Bool) {
    var server = TunnelServerStateMachine.opened(isExtended ? .extended : .negotiating)
    #expect(server.receive(.newStream(1)).accepted != nil)
    server.beginDrain(now: .zero)
    _ = server.takeFrames()
    #expect(server.receive(.newStream(2)).isIgnored)
    var close = CloseStream(.unavailable, "server is shutting down")
    close.unprocessed = isExtended
    #expect(server.takeFrames() == [ServerFrame(2, .closeStream(close))])
  }

  @Test(
    "The drain names the highest id that was seen, refused ones included",
    arguments: [[], [0], [1, 2], [1, 9]] as [[Int64]]
  )
  func drainFrame(ids: [Int64]) {
    var server = TunnelServerStateMachine.opened(.extended)
    for id in ids {
      _ = server.receive(.newStream(StreamID(rawValue: id), id == 9 ? "malformed" : "s/m"))
    }
    _ = server.takeFrames()
    server.beginDrain(now: .zero)
    server.beginDrain(now: .zero)
    let drain = Drain(lastStreamID: StreamID(rawValue: ids.last ?? -1))
    #expect(server.takeFrames() == [ServerFrame(.tunnel, .drain(drain))])
  }

  @Test(
    "A peer that knows no extensions sees nothing of a drain",
    arguments: [CarrierHeaders.negotiating, .silent]
  )
  func noDrainFrame(peer: CarrierHeaders) {
    var server = TunnelServerStateMachine.opened(peer)
    server.beginDrain(now: .zero)
    #expect(!server.hasFrames)
  }

  @Test("A tunnel that drains ends when all streams and handlers have ended and all has left")
  func end() {
    var server = TunnelServerStateMachine.opened()
    _ = server.receive(.newStream(1))
    _ = server.receive(.newStream(2))
    server.beginDrain(now: .zero)
    #expect(server.write([1], to: 1).isWritten)
    server.close(1, with: .ok)
    server.release(1)
    _ = server.receive(ClientFrame(2, .cancel))
    #expect(server.outputEnd == nil)
    _ = server.takeFrames()
    #expect(server.outputEnd == nil, "A handler runs")
    server.release(2)
    #expect(server.outputEnd?.isFinished == true)
  }

  @Test("A tunnel that does not drain goes on without streams")
  func idle() {
    var server = TunnelServerStateMachine.opened()
    #expect(server.outputEnd == nil)
    server.beginDrain(now: .zero)
    #expect(server.outputEnd?.isFinished == true)
  }

  @Test("A drain that takes too long ends the tunnel")
  func drainTimeout() {
    var server = TunnelServerStateMachine.opened { $0.drainTimeout = .seconds(30) }
    _ = server.receive(.newStream(1))
    server.beginDrain(now: .seconds(1))
    #expect(server.nextTimer == .seconds(31))
    #expect(server.expireTimers(now: .seconds(31)).isClosed)
    #expect(server.closure?.error == nil)
    #expect(server.isAborted(1))
  }

  @Test("Draining before the peer has answered ends the tunnel")
  func drainBeforeOpening() {
    var server = TunnelServerStateMachine(
      configuration: TunnelConfiguration(),
      offered: .extended
    )
    server.startConnecting(now: .zero)
    server.beginDrain(now: .zero)
    #expect(server.closure?.initiator == .local)
    #expect(server.closure?.error == nil)
  }

  @Test("Behind this end's half-close nothing is answered, and the peer's end is no loss")
  func outputFinished() {
    var server = TunnelServerStateMachine.opened { $0.closeTimeout = .seconds(5) }
    server.beginDrain(now: .zero)
    server.outputFinished(now: .seconds(1))
    for id in 1 ... 100 as ClosedRange<Int64> {
      #expect(server.receive(.newStream(StreamID(rawValue: id))).isIgnored)
    }
    #expect(!server.hasFrames)
    #expect(server.nextTimer == .seconds(6))
    server.close(TunnelEnd(initiator: .remote, error: nil))
    #expect(server.closure?.initiator == .local)
  }

  @Test("A peer that does not end the carrier is not waited for longer than the close timeout")
  func closeTimeout() {
    var server = TunnelServerStateMachine.opened { $0.closeTimeout = .seconds(5) }
    server.beginDrain(now: .zero)
    server.outputFinished(now: .seconds(1))
    #expect(server.expireTimers(now: .seconds(6)).isClosed)
  }

  @Test("A tunnel server starts no streams")
  func reservation() {
    var server = TunnelServerStateMachine.opened()
    #expect(server.reserveStream().errorCode == .internalError)
  }
}
