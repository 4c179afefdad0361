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

@Suite("Tunnel client: faults (PROTOCOL.md 7)")
struct TunnelClientFaultTests {
  /// A tunnel with a stream, number 1, whose first frame was sent.
  private func withStream(
    _ peer: CarrierHeaders = .negotiating,
    revision: ProtocolRevision = .one,
    configure: (inout TunnelConfiguration) -> Void = { _ in }
  ) throws -> TunnelClientStateMachine {
    var client = TunnelClientStateMachine.opened(
      peer,
      settings: Settings(supportedProtocolRevisions: [revision], initialWindowSize: 65_536),
      configure: configure
    )
    #expect(try client.start() == 1)
    _ = client.takeFrames()
    return client
  }

  @Test(
    "A frame for an id above the highest ends the tunnel, and all its streams",
    arguments: [
      ServerFrame(2, .closeStream(.ok)), ServerFrame(2, nil),
      ServerFrame(StreamID(rawValue: .max), .windowUpdate(1)),
    ]
  )
  func unknownStream(frame: ServerFrame) throws {
    var client = try self.withStream()
    #expect(client.receive(frame).fault?.code == .internalError)
    let closure = try #require(client.closure)
    #expect(closure.initiator == .local)
    #expect(client.read(1).errorCode == .unavailable)
    #expect(client.write([1], to: 1).errorCode == .unavailable)
    #expect(client.outputEnd?.closure?.error?.code == .internalError)
    #expect(client.activeStreamCount == 0)
  }

  @Test(
    "Other frames with a negative id are ignored",
    arguments: [-1, -2, Int64.min].flatMap { id in
      [
        ServerFrame(StreamID(rawValue: id), nil),
        ServerFrame(StreamID(rawValue: id), .closeStream(.ok)),
        ServerFrame(StreamID(rawValue: id), .windowUpdate(1)),
      ]
    } + [ServerFrame(-2, .drain(Drain())), ServerFrame(-2, .settings(Settings()))]
  )
  func negativeID(frame: ServerFrame) throws {
    var client = try self.withStream(.extended)
    #expect(client.receive(frame).isIgnored)
    #expect(client.closure == nil)
    #expect(client.activeStreamCount == 1)
  }

  @Test(
    "A frame that has no place on a stream ends the stream",
    arguments: [nil, .settings(Settings()), .drain(Drain())] as [ServerFrame.Payload?]
  )
  func misplaced(payload: ServerFrame.Payload?) throws {
    var client = try self.withStream(.extended)
    #expect(client.receive(ServerFrame(1, payload)).stream == 1)
    #expect(client.read(1).errorCode == .internalError)
    #expect(client.takeFrames() == [ClientFrame(1, .cancel)])
    #expect(client.closure == nil)
    #expect(client.activeStreamCount == 0)
  }

  @Test(
    "Data that breaks the rules of messages ends the stream (PROTOCOL.md 5)",
    arguments: [
      [.moreResponseData([])],
      [.responseMessage(MessageEnvelope([1])), .moreResponseData([2])],
      [.responseMessage(MessageEnvelope(size: 1, data: [1, 2]))],
      [.responseMessage(MessageEnvelope(size: 2, data: [1])), .moreResponseData([2, 3])],
      [
        .responseMessage(MessageEnvelope(size: 2, data: [1])),
        .responseMessage(MessageEnvelope([])),
      ],
      [.responseMessage(MessageEnvelope(size: 2, data: [1])), .closeStream(.ok)],
      [.responseMessage(MessageEnvelope(size: 2, data: [1])), .closeStream(CloseStream())],
    ] as [[ServerFrame.Payload]],
    ProtocolRevision.both
  )
  func messages(payloads: [ServerFrame.Payload], revision: ProtocolRevision) throws {
    var client = try self.withStream(revision: revision)
    for payload in payloads {
      #expect(client.receive(ServerFrame(1, payload)).stream == 1)
    }
    #expect(client.read(1).errorCode == .internalError)
    #expect(client.takeFrames() == [ClientFrame(1, .cancel)])
    #expect(client.closure == nil)
  }

  @Test("An error status inside a message is the stream's status")
  func errorInsideMessage() throws {
    var client = try self.withStream()
    let close = CloseStream(.notFound)
    _ = client.receive(ServerFrame(1, .responseMessage(MessageEnvelope(size: 2, data: [1]))))
    _ = client.receive(ServerFrame(1, .closeStream(close)))
    #expect(client.read(1).part == .headers([:]))
    #expect(client.read(1).part == .close(close))
    #expect(!client.hasFrames)
  }

  @Test("A message above the limit ends the stream", arguments: ProtocolRevision.both)
  func messageLimit(revision: ProtocolRevision) throws {
    var client = try self.withStream(revision: revision) { $0.maximumMessageSize = 10 }
    _ = client.receive(ServerFrame(1, .responseMessage(MessageEnvelope(size: 11, data: []))))
    #expect(client.read(1).errorCode == .resourceExhausted)
    #expect(client.takeFrames() == [ClientFrame(1, .cancel)])
  }

  @Test("Data beyond the window ends the stream")
  func windowLimit() throws {
    var client = try self.withStream()
    let chunk = ServerFrame(
      1,
      .responseMessage(MessageEnvelope(ArraySlice(repeating: 0, count: 65_536)))
    )
    _ = client.receive(chunk)
    #expect(client.activeStreamCount == 1)
    _ = client.receive(ServerFrame(1, .responseMessage(MessageEnvelope([1]))))
    #expect(client.read(1).errorCode == .resourceExhausted)
    #expect(client.takeFrames() == [ClientFrame(1, .cancel)])
  }

  @Test("More empty messages than are kept end the stream at revision one")
  func emptyMessageLimit() throws {
    var client = try self.withStream { $0.maximumEmptyMessages = 3 }
    for _ in 0 ..< 4 {
      _ = client.receive(ServerFrame(1, .responseMessage(MessageEnvelope([]))))
    }
    #expect(client.read(1).errorCode == .resourceExhausted)
  }

  @Test("A window grown past 2^31-1 ends the stream; an update of 0 is ignored")
  func windowGrowth() throws {
    var client = try self.withStream()
    _ = client.receive(ServerFrame(1, .windowUpdate(0)))
    _ = client.receive(ServerFrame(1, .windowUpdate(2_147_483_647 - 65_536)))
    #expect(client.activeStreamCount == 1)
    _ = client.receive(ServerFrame(1, .windowUpdate(1)))
    #expect(client.activeStreamCount == 0)
    #expect(client.read(1).errorCode == .internalError)
    #expect(client.takeFrames() == [ClientFrame(1, .cancel)])
  }

  @Test("Updates mean nothing at revision zero")
  func updatesAtRevisionZero() throws {
    var client = try self.withStream(revision: .zero)
    _ = client.receive(ServerFrame(1, .windowUpdate(.max)))
    _ = client.receive(ServerFrame(1, .windowUpdate(.max)))
    #expect(client.activeStreamCount == 1)
  }

  @Test(
    "Metadata above the limit ends the stream",
    arguments: [
      .responseHeaders(["key": ["value"]]),
      .closeStream(CloseStream(responseTrailers: ["key": ["value"]])),
      .closeStream(
        CloseStream(responseTrailers: ["key": ["value"]], status: WireStatus(code: 5))
      ),
      .responseHeaders(["": ["", ""]]),
    ] as [ServerFrame.Payload]
  )
  func metadataLimit(payload: ServerFrame.Payload) throws {
    var client = try self.withStream { $0.maximumMetadataSize = 39 }
    _ = client.receive(ServerFrame(1, payload))
    #expect(client.read(1).errorCode == .resourceExhausted)
    #expect(client.takeFrames() == [ClientFrame(1, .cancel)])
  }

  @Test(
    "Frames for a stream that ended are ignored",
    arguments: [
      nil, .responseHeaders([:]), .responseMessage(MessageEnvelope([1])), .moreResponseData([1]),
      .closeStream(CloseStream(.notFound)), .settings(Settings()), .windowUpdate(.max),
      .drain(Drain()),
    ] as [ServerFrame.Payload?],
    ["closed", "cancelled", "released"]
  )
  func afterTheEnd(payload: ServerFrame.Payload?, end: String) throws {
    var client = try self.withStream(.extended)
    switch end {
    case "closed": _ = client.receive(ServerFrame(1, .closeStream(.ok)))
    case "cancelled": client.cancel(1, error: RPCError(code: .aborted, message: ""))
    default: client.release(1)
    }
    _ = client.takeFrames()
    #expect(client.receive(ServerFrame(1, payload)).isIgnored)
    #expect(!client.hasFrames)
    switch end {
    case "closed":
      #expect(client.read(1).part == .headers([:]))
      #expect(client.read(1).part == .close(.ok))
      #expect(client.read(1).isEnd)
    case "cancelled":
      #expect(client.read(1).errorCode == .aborted)
    default:
      #expect(client.read(1).isEnd)
    }
  }

  @Test(
    "A lost carrier fails every open stream with UNAVAILABLE and the cause",
    arguments: [
      TunnelEnd(initiator: .remote, error: nil),
      TunnelEnd(initiator: .remote, error: RPCError(code: .unknown, message: "cut")),
      TunnelEnd(initiator: .local, error: nil),
    ]
  )
  func carrierLost(closure: TunnelEnd) throws {
    var client = try self.withStream()
    #expect(try client.start() == 2)
    _ = client.receive(ServerFrame(2, .closeStream(.ok)))
    client.close(closure)
    guard case .failed(let error) = client.read(1) else {
      Issue.record("The stream goes on")
      return
    }
    #expect(error.code == .unavailable)
    #expect(error.message.contains(closure.error?.message ?? "closed"))
    // What had ended before is not lost.
    #expect(client.read(2).part == .headers([:]))
    #expect(client.read(2).part == .close(.ok))
    #expect(client.reserveStream().errorCode == .unavailable)
    #expect(!client.hasFrames)
    #expect(client.nextTimer == nil)
    #expect(client.receive(ServerFrame(99, nil)).isIgnored)
  }

  @Test("Only the first end of a tunnel counts")
  func closedTwice() {
    var client = TunnelClientStateMachine.opened()
    client.close(TunnelEnd(initiator: .remote, error: nil))
    client.close(TunnelEnd(initiator: .local, error: RPCError(code: .unknown, message: "")))
    #expect(client.closure?.initiator == .remote)
    #expect(client.closure?.error == nil)
  }
}
