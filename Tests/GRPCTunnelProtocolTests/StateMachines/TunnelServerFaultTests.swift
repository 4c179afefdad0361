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

@Suite("Tunnel server: faults (PROTOCOL.md 7)")
struct TunnelServerFaultTests {
  /// A tunnel with a stream, number 1, that was accepted.
  private func withStream(
    _ peer: CarrierHeaders = .negotiating,
    revision: ProtocolRevision = .one,
    configure: (inout TunnelConfiguration) -> Void = { _ in }
  ) -> TunnelServerStateMachine {
    var server = TunnelServerStateMachine.opened(peer, configure: configure)
    #expect(server.receive(.newStream(1, revision: revision)).accepted != nil)
    return server
  }

  /// Checks that stream 1, and nothing else, ended with a code.
  private func expectAborted(_ server: inout TunnelServerStateMachine, _ code: RPCError.Code) {
    #expect(server.isAborted(1))
    #expect(server.takeFrames().map(\.closeCode) == [code])
    #expect(server.read(1).part == .headers([:]))
    #expect(server.read(1).errorCode == code)
    #expect(server.write([1], to: 1).errorCode == code)
    #expect(server.writeReadiness(of: 1).errorCode == code)
    server.close(1, with: .ok)
    server.release(1)
    #expect(!server.hasFrames)
    #expect(server.closure == nil)
    #expect(server.activeStreamCount == 0)
  }

  @Test(
    "A frame for an id above the highest ends the tunnel, and all its streams",
    arguments: [
      nil, .requestMessage(MessageEnvelope([])), .moreRequestData([]), .halfClose, .cancel,
      .windowUpdate(1),
    ] as [ClientFrame.Payload?]
  )
  func unknownStream(payload: ClientFrame.Payload?) {
    var server = self.withStream()
    #expect(server.receive(ClientFrame(2, payload)).fault?.code == .internalError)
    #expect(server.closure?.initiator == .local)
    #expect(server.isAborted(1))
    #expect(server.write([1], to: 1).errorCode == .unavailable)
    server.release(1)
    #expect(server.activeStreamCount == 0)
  }

  @Test(
    "Other frames with a negative id are ignored",
    arguments: [-1, -2, .min] as [Int64],
    [nil, .halfClose, .cancel, .windowUpdate(.max)] as [ClientFrame.Payload?]
  )
  func negativeID(id: Int64, payload: ClientFrame.Payload?) {
    var server = self.withStream()
    #expect(server.receive(ClientFrame(StreamID(rawValue: id), payload)).isIgnored)
    #expect(server.closure == nil)
    #expect(server.activeStreamCount == 1)
  }

  @Test("A frame without a kind that is known ends the stream")
  func misplaced() {
    var server = self.withStream()
    #expect(server.receive(ClientFrame(1, nil)).stream == 1)
    self.expectAborted(&server, .internalError)
  }

  @Test(
    "Data that breaks the rules of messages ends the stream (PROTOCOL.md 5)",
    arguments: [
      [.moreRequestData([])],
      [.requestMessage(MessageEnvelope([1])), .moreRequestData([2])],
      [.requestMessage(MessageEnvelope(size: 1, data: [1, 2]))],
      [.requestMessage(MessageEnvelope(size: 2, data: [1])), .moreRequestData([2, 3])],
      [
        .requestMessage(MessageEnvelope(size: 2, data: [1])),
        .requestMessage(MessageEnvelope([])),
      ],
      [.requestMessage(MessageEnvelope(size: 2, data: [1])), .halfClose],
    ] as [[ClientFrame.Payload]],
    ProtocolRevision.both
  )
  func messages(payloads: [ClientFrame.Payload], revision: ProtocolRevision) {
    var server = self.withStream(revision: revision)
    for payload in payloads {
      #expect(server.receive(ClientFrame(1, payload)).stream == 1)
    }
    self.expectAborted(&server, .invalidArgument)
  }

  @Test("A message above the limit ends the stream", arguments: ProtocolRevision.both)
  func messageLimit(revision: ProtocolRevision) {
    var server = self.withStream(revision: revision) { $0.maximumMessageSize = 10 }
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope(size: .max, data: []))))
    self.expectAborted(&server, .resourceExhausted)
  }

  @Test("Data beyond the window ends the stream")
  func windowLimit() {
    var server = self.withStream()
    let chunk = MessageEnvelope(ArraySlice(repeating: 0, count: 65_536))
    _ = server.receive(ClientFrame(1, .requestMessage(chunk)))
    #expect(!server.isAborted(1))
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope([1]))))
    self.expectAborted(&server, .resourceExhausted)
  }

  @Test("More empty messages than are kept end the stream")
  func emptyMessageLimit() {
    var server = self.withStream { $0.maximumEmptyMessages = 3 }
    for _ in 0 ..< 4 {
      _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope([]))))
    }
    self.expectAborted(&server, .resourceExhausted)
  }

  @Test("A window grown past 2^31-1 ends the stream")
  func windowGrowth() {
    var server = self.withStream()
    _ = server.receive(ClientFrame(1, .windowUpdate(2_147_483_647 - 65_536)))
    #expect(!server.isAborted(1))
    _ = server.receive(ClientFrame(1, .windowUpdate(1)))
    self.expectAborted(&server, .internalError)
  }

  @Test(
    "Data and half-closes behind a half-close are ignored, whatever they hold",
    arguments: [
      .requestMessage(MessageEnvelope(size: .max, data: [])), .moreRequestData([1]), .halfClose,
      .requestMessage(MessageEnvelope(ArraySlice(repeating: 0, count: 100_000))),
    ] as [ClientFrame.Payload]
  )
  func afterHalfClose(payload: ClientFrame.Payload) {
    var server = self.withStream()
    _ = server.receive(ClientFrame(1, .halfClose))
    _ = server.receive(ClientFrame(1, payload))
    #expect(!server.isAborted(1))
    #expect(server.read(1).part == .headers([:]))
    #expect(server.read(1).isEnd)
    #expect(!server.hasFrames)
    #expect(server.write([1], to: 1).isWritten)
  }

  @Test(
    "Frames for a stream that ended are ignored",
    arguments: [
      nil, .requestMessage(MessageEnvelope([1])), .moreRequestData([1]), .halfClose, .cancel,
      .windowUpdate(.max),
    ] as [ClientFrame.Payload?],
    ["closed", "aborted", "cancelled", "released"]
  )
  func afterTheEnd(payload: ClientFrame.Payload?, end: String) {
    var server = self.withStream()
    switch end {
    case "closed": server.close(1, with: .ok)
    case "aborted": server.abort(1, RPCError(code: .dataLoss, message: ""))
    case "cancelled": _ = server.receive(ClientFrame(1, .cancel))
    default:
      server.close(1, with: .ok)
      server.release(1)
    }
    _ = server.takeFrames()
    #expect(server.receive(ClientFrame(1, payload)).isIgnored)
    #expect(!server.hasFrames)
    #expect(server.closure == nil)
  }

  @Test(
    "A lost carrier aborts every open stream with UNAVAILABLE and the cause",
    arguments: [
      TunnelEnd(initiator: .remote, error: nil),
      TunnelEnd(initiator: .remote, error: RPCError(code: .unknown, message: "cut")),
    ]
  )
  func carrierLost(closure: TunnelEnd) {
    var server = self.withStream()
    _ = server.receive(.newStream(2))
    server.close(closure)
    for id in [1, 2] as [StreamID] {
      #expect(server.isAborted(id))
      guard case .failed(let error) = server.writeReadiness(of: id) else {
        Issue.record("The stream goes on")
        return
      }
      #expect(error.code == .unavailable)
      #expect(error.message.contains(closure.error?.message ?? "closed"))
    }
    #expect(!server.hasFrames)
    #expect(server.activeStreamCount == 2, "Their handlers run")
    server.release(1)
    server.release(2)
    #expect(server.activeStreamCount == 0)
  }

  @Test("Streams whose handlers have returned are forgotten with the tunnel")
  func carrierLostBehindHandler() {
    var server = self.withStream()
    _ = server.write([1], to: 1)
    server.close(1, with: .ok)
    server.release(1)
    #expect(server.activeStreamCount == 1, "Its response has not left")
    server.close(TunnelEnd(initiator: .remote, error: nil))
    #expect(server.activeStreamCount == 0)
  }
}
