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

@Suite("Tunnel client: deadlines and stalls (PROTOCOL.md 4 and 6)")
struct TunnelClientTimerTests {
  // MARK: - Deadlines

  @Test("The deadline travels with the request, once, whatever its headers say")
  func deadlineOnTheWire() throws {
    var client = TunnelClientStateMachine.opened()
    _ = try client.start(headers: ["grpc-timeout": ["-5S", "99999999H"]], timeout: .seconds(100))
    guard case .newStream(let newStream) = client.takeFrames().first?.payload else {
      Issue.record("Not started")
      return
    }
    #expect(newStream.requestHeaders?["grpc-timeout"] == ["100000m"])
  }

  @Test("A deadline that passes cancels the stream", arguments: ProtocolRevision.both)
  func deadline(revision: ProtocolRevision) throws {
    var client = TunnelClientStateMachine.opened(at: revision)
    let later = try client.start(timeout: .seconds(20))
    let sooner = try client.start(timeout: .seconds(10), now: .seconds(1))
    _ = client.takeFrames()
    #expect(client.nextTimer == .seconds(11))
    #expect(client.expireTimers(now: .seconds(10)).streams == [])
    #expect(client.expireTimers(now: .seconds(11)).streams == [sooner])
    #expect(client.read(sooner).errorCode == .deadlineExceeded)
    #expect(client.write([1], to: sooner).errorCode == .deadlineExceeded)
    #expect(client.takeFrames() == [ClientFrame(sooner, .cancel)])
    #expect(client.nextTimer == .seconds(20))
    _ = client.receive(ServerFrame(later, .closeStream(.ok)))
    #expect(client.nextTimer == nil)
  }

  // MARK: - Revision zero

  @Test("A stream that nobody reads stops the carrier, until it is read")
  func stall() throws {
    var client = TunnelClientStateMachine.opened(at: .zero) { $0.receiveBufferSize = 1000 }
    let id = try client.start()
    let message = MessageEnvelope(ArraySlice(repeating: 0, count: 600))
    _ = client.receive(ServerFrame(id, .responseMessage(message)), now: .seconds(1))
    #expect(!client.isInboundPaused)
    _ = client.receive(ServerFrame(id, .responseMessage(message)), now: .seconds(2))
    #expect(client.isInboundPaused)
    #expect(client.nextTimer == .seconds(32))
    #expect(client.read(id).part == .headers([:]))
    #expect(client.isInboundPaused)
    #expect(client.read(id).part != nil)
    #expect(!client.isInboundPaused)
    #expect(client.nextTimer == nil)
  }

  @Test("A stall ends after its limit, or by the stream's deadline, whichever is first")
  func stallLimit() throws {
    for (timeout, code) in [(60, .resourceExhausted), (10, .deadlineExceeded)]
      as [(Int, RPCError.Code)]
    {
      var client = TunnelClientStateMachine.opened(at: .zero) { $0.receiveBufferSize = 1000 }
      let id = try client.start(timeout: .seconds(timeout))
      _ = client.takeFrames()
      let message = MessageEnvelope(ArraySlice(repeating: 0, count: 1001))
      _ = client.receive(ServerFrame(id, .responseMessage(message)), now: .seconds(1))
      #expect(client.isInboundPaused)
      let timer = client.nextTimer
      let due = try #require(timer)
      #expect(due == .seconds(min(timeout, 31)))
      #expect(client.expireTimers(now: due).streams == [id])
      #expect(!client.isInboundPaused)
      #expect(client.read(id).errorCode == code)
      #expect(client.takeFrames() == [ClientFrame(id, .cancel)])
    }
  }

  @Test(
    "The carrier is read again when a stream that stopped it ends",
    arguments: ["close", "cancel", "release", "tunnel"]
  )
  func stallEnds(how: String) throws {
    var client = TunnelClientStateMachine.opened(at: .zero) { $0.receiveBufferSize = 0 }
    let id = try client.start()
    _ = client.receive(ServerFrame(id, .responseMessage(MessageEnvelope([1]))))
    #expect(client.isInboundPaused)
    switch how {
    case "close": _ = client.receive(ServerFrame(id, .closeStream(.ok)))
    case "cancel": client.cancel(id, error: RPCError(code: .cancelled, message: ""))
    case "release": client.release(id)
    default: client.close(TunnelEnd(initiator: .local, error: nil))
    }
    #expect(!client.isInboundPaused)
    #expect(client.nextTimer == nil)
  }

  @Test("At revision one a stream that nobody reads stops nothing")
  func noStall() throws {
    var client = TunnelClientStateMachine.opened(at: .one) { $0.receiveBufferSize = 0 }
    let id = try client.start()
    _ = client.receive(
      ServerFrame(id, .responseMessage(MessageEnvelope(ArraySlice(repeating: 0, count: 65_536))))
    )
    #expect(!client.isInboundPaused)
    #expect(client.nextTimer == nil)
  }
}
