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

@Suite("Tunnel client: streams (PROTOCOL.md 4 to 6)")
struct TunnelClientStreamTests {
  private let chunk = ArraySlice<UInt8>(repeating: 7, count: 16_384)

  // MARK: - Starting

  @Test(
    "Ids start at 1 and step by 1, in the order of the frames",
    arguments: ProtocolRevision.both
  )
  func ids(revision: ProtocolRevision) throws {
    var client = TunnelClientStateMachine.opened(at: revision)
    for id in 1 ... 3 as ClosedRange<Int64> {
      #expect(try client.start(headers: ["key": ["value"]]) == StreamID(rawValue: id))
    }
    let newStream = NewStream(
      methodName: "/service/method",
      requestHeaders: ["key": ["value"]],
      initialWindowSize: 65_536,
      protocolRevision: revision
    )
    #expect(client.takeFrames() == [1, 2, 3].map { ClientFrame($0, .newStream(newStream)) })
    #expect(client.activeStreamCount == 3)
  }

  @Test("A place that is given back can be taken again")
  func reservations() throws {
    var client = TunnelClientStateMachine.opened { $0.maximumConcurrentStreams = 1 }
    #expect(client.reserveStream().isReserved)
    #expect(client.reserveStream().isWait)
    client.cancelReservation()
    #expect(client.isReady)
    let id = try client.start()
    #expect(client.reserveStream().isWait)
    client.cancel(id, error: RPCError(code: .cancelled, message: ""))
    #expect(client.reserveStream().isReserved)
  }

  @Test("Every way in which a stream ends gives its place back, once")
  func places() throws {
    var client = TunnelClientStateMachine.opened { $0.maximumConcurrentStreams = 2 }
    for _ in 0 ..< 10 {
      let closed = try client.start()
      let cancelled = try client.start(timeout: .seconds(1))
      #expect(client.reserveStream().isWait)
      _ = client.receive(ServerFrame(closed, .closeStream(.ok)))
      _ = client.receive(ServerFrame(closed, .closeStream(.ok)))
      client.cancel(closed, error: RPCError(code: .cancelled, message: ""))
      #expect(client.activeStreamCount == 1)
      client.cancel(cancelled, error: RPCError(code: .cancelled, message: ""))
      _ = client.expireTimers(now: .seconds(2))
      client.release(cancelled)
      client.release(closed)
      client.release(closed)
      #expect(client.activeStreamCount == 0)
      #expect(client.nextTimer == nil)
    }
  }

  @Test("A stream that cannot be started gives its place back")
  func failedStart() throws {
    var client = TunnelClientStateMachine.opened {
      $0.maximumConcurrentStreams = 1
      $0.maximumControlFrameSize = 100
    }
    for _ in 0 ..< 3 {
      let error = #expect(throws: RPCError.self) {
        try client.start(headers: ["key": [String(repeating: "x", count: 100)]])
      }
      #expect(error?.code == .resourceExhausted)
    }
    let error = #expect(throws: RPCError.self) { try client.start(timeout: .zero) }
    #expect(error?.code == .deadlineExceeded)
    #expect(!client.hasFrames)
    #expect(try client.start() == 1)
  }

  @Test("No more streams start while too many of their frames are stuck")
  func stuckCarrier() throws {
    var client = TunnelClientStateMachine.opened { $0.maximumQueuedControlFrames = 10 }
    var count = 0
    while client.isReady, count < 1000 {
      client.release(try client.start())
      count += 1
    }
    #expect(count < 10)
    #expect(client.reserveStream().isWait)
    _ = client.takeFrames()
    #expect(client.isReady)
  }

  // MARK: - Requests

  @Test("A half-close leaves in the batch of the last chunk")
  func halfClose() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.takeFrames()
    _ = client.write(self.chunk + [1], to: id)
    client.halfClose(id)
    var frames: [ClientFrame] = []
    // The batch is full with the last chunk.
    _ = client.takeFrames(into: &frames, maximumByteCount: 16_384 + 65)
    #expect(
      frames == [
        ClientFrame(id, .requestMessage(MessageEnvelope(size: 16_385, data: self.chunk))),
        ClientFrame(id, .moreRequestData([1])), ClientFrame(id, .halfClose),
      ]
    )
    #expect(!client.hasFrames)
  }

  @Test("A half-close without messages leaves at once, and once")
  func bareHalfClose() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.takeFrames()
    client.halfClose(id)
    client.halfClose(id)
    #expect(client.takeFrames() == [ClientFrame(id, .halfClose)])
    client.halfClose(id)
    #expect(!client.hasFrames)
    #expect(client.write([1], to: id).errorCode == .failedPrecondition)
  }

  @Test("A half-close waits behind messages that wait for the window")
  func halfCloseBehindWindow() throws {
    var client = TunnelClientStateMachine.opened(
      settings: Settings(supportedProtocolRevisions: [.one], initialWindowSize: 0)
    )
    let id = try client.start()
    _ = client.takeFrames()
    _ = client.write([1, 2], to: id)
    client.halfClose(id)
    #expect(client.takeFrames().isEmpty)
    _ = client.receive(ServerFrame(id, .windowUpdate(1)))
    #expect(
      client.takeFrames() == [ClientFrame(id, .requestMessage(MessageEnvelope(size: 2, data: [1])))]
    )
    _ = client.receive(ServerFrame(id, .windowUpdate(1)))
    #expect(
      client.takeFrames() == [ClientFrame(id, .moreRequestData([2])), ClientFrame(id, .halfClose)]
    )
  }

  @Test("Writers wait when a stream holds enough, and go on when it has drained")
  func backpressure() throws {
    var client = TunnelClientStateMachine.opened { $0.sendBufferSize = 20_000 }
    let id = try client.start()
    _ = client.takeFrames()
    #expect(client.write(self.chunk, to: id).isWritten)
    #expect(client.writeReadiness(of: id).isReady)
    #expect(client.write(self.chunk, to: id).isWrittenThenWait)
    #expect(client.writeReadiness(of: id).isWait)
    var frames: [ClientFrame] = []
    #expect(client.takeFrames(into: &frames, maximumByteCount: 1) == [id])
    #expect(client.writeReadiness(of: id).isReady)
    #expect(client.takeFrames(into: &frames, maximumByteCount: .max).isEmpty)
  }

  @Test("Writers of a stream that ends are told: the frame's result names the stream")
  func writersOfEndedStreams() throws {
    var client = TunnelClientStateMachine.opened { $0.sendBufferSize = 0 }
    let id = try client.start()
    #expect(client.write([1], to: id).isWrittenThenWait)
    #expect(client.receive(ServerFrame(id, .closeStream(.ok))).stream == id)
    #expect(client.writeReadiness(of: id).errorCode == .failedPrecondition)
    client.release(id)
    #expect(client.writeReadiness(of: id).errorCode == .cancelled)
    #expect(client.write([1], to: id).errorCode == .cancelled)
  }

  @Test("What was queued does not leave once the server has closed")
  func closedByPeer() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.takeFrames()
    _ = client.write([1], to: id)
    client.halfClose(id)
    _ = client.receive(ServerFrame(id, .closeStream(.ok)))
    #expect(client.takeFrames().isEmpty)
  }

  // MARK: - Responses

  @Test("Headers, messages and the close come in order")
  func response() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    #expect(client.read(id).isWait)
    let close = CloseStream(responseTrailers: ["t": ["1"]], status: WireStatus(code: 5))
    for payload in [
      .responseHeaders(["h": ["1"]]), .responseMessage(MessageEnvelope([1])),
      .responseMessage(MessageEnvelope(size: 2, data: [2])), .moreResponseData([3]),
      .closeStream(close),
    ] as [ServerFrame.Payload] {
      #expect(client.receive(ServerFrame(id, payload)).stream == id)
    }
    #expect(client.read(id).part == .headers(["h": ["1"]]))
    #expect(client.read(id).part == .message([1]))
    #expect(client.read(id).part == .message([2, 3]))
    #expect(client.read(id).part == .close(close))
    #expect(client.read(id).isEnd)
    #expect(client.read(id).isEnd)
  }

  @Test("A message before headers brings empty ones, and later ones are ignored")
  func lateHeaders() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.receive(ServerFrame(id, .responseMessage(MessageEnvelope([1]))))
    _ = client.receive(ServerFrame(id, .responseHeaders(["late": ["1"]])))
    #expect(client.read(id).part == .headers([:]))
    #expect(client.read(id).part == .message([1]))
    #expect(client.read(id).isWait)
  }

  @Test("Second headers are ignored, whatever their size")
  func secondHeaders() throws {
    var client = TunnelClientStateMachine.opened { $0.maximumMetadataSize = 100 }
    let id = try client.start()
    let large = String(repeating: "x", count: 200)
    _ = client.receive(ServerFrame(id, .responseHeaders(["h": ["1"]])))
    _ = client.receive(ServerFrame(id, .responseHeaders(["h": [large]])))
    #expect(client.read(id).part == .headers(["h": ["1"]]))
    _ = client.receive(ServerFrame(id, .responseHeaders(["h": [large]])))
    #expect(client.read(id).isWait)
  }

  @Test("A refusal is a close alone, an OK is never the first part")
  func closeWithoutHeaders() throws {
    var client = TunnelClientStateMachine.opened()
    let refused = try client.start()
    let ok = try client.start()
    _ = client.receive(ServerFrame(refused, .closeStream(CloseStream(.unimplemented))))
    _ = client.receive(ServerFrame(ok, .closeStream(CloseStream())))
    #expect(client.read(refused).part == .close(CloseStream(.unimplemented)))
    #expect(client.read(ok).part == .headers([:]))
    #expect(client.read(ok).part == .close(CloseStream()))
  }

  @Test(
    "Only the extension says that a stream was not processed",
    arguments: [CarrierHeaders.extended, .negotiating]
  )
  func unprocessed(peer: CarrierHeaders) throws {
    var client = TunnelClientStateMachine.opened(peer)
    let id = try client.start()
    var close = CloseStream(.unavailable)
    close.unprocessed = true
    _ = client.receive(ServerFrame(id, .closeStream(close)))
    close.unprocessed = peer == .extended
    #expect(client.read(id).part == .close(close))
  }

  @Test("Credit for an awaited message is returned on arrival, for others when they are read")
  func credit() throws {
    var client = TunnelClientStateMachine.opened(at: .one) { $0.maximumWindowGrowth = 0 }
    let id = try client.start()
    _ = client.takeFrames()
    let data = self.chunk + self.chunk
    let whole = MessageEnvelope(size: 65_536, data: data)
    #expect(client.read(id).isWait)
    _ = client.receive(ServerFrame(id, .responseMessage(whole)))
    // The application waits for the message behind the headers too.
    #expect(client.takeFrames() == [ClientFrame(id, .windowUpdate(32_768))])
    _ = client.receive(ServerFrame(id, .moreResponseData(data)))
    #expect(client.takeFrames() == [ClientFrame(id, .windowUpdate(32_768))])
    _ = client.receive(ServerFrame(id, .responseMessage(whole)))
    #expect(client.takeFrames().isEmpty)
    #expect(client.read(id).part == .headers([:]))
    #expect(client.read(id).part == .message(data + data))
    #expect(client.takeFrames().isEmpty)
    #expect(client.read(id).isWait)
    #expect(client.takeFrames() == [ClientFrame(id, .windowUpdate(32_768))])
  }

  @Test("No credit is returned for a stream that ended, or at revision zero")
  func noCredit() throws {
    for revision in ProtocolRevision.both {
      var client = TunnelClientStateMachine.opened(at: revision)
      let id = try client.start()
      _ = client.takeFrames()
      let message = MessageEnvelope(ArraySlice(repeating: 0, count: 50_000))
      _ = client.receive(ServerFrame(id, .responseMessage(message)))
      if revision == .one { _ = client.receive(ServerFrame(id, .closeStream(.ok))) }
      #expect(client.read(id).part == .headers([:]))
      #expect(client.read(id).part != nil)
      #expect(client.takeFrames().isEmpty)
    }
  }

  // MARK: - The end

  @Test(
    "A stream that is cancelled, or given up, sends a cancel behind its start",
    arguments: [true, false]
  )
  func cancel(isReleased: Bool) throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.write([1], to: id)
    if isReleased {
      client.release(id)
    } else {
      client.cancel(id, error: RPCError(code: .aborted, message: ""))
      client.cancel(id, error: RPCError(code: .internalError, message: ""))
      #expect(client.read(id).errorCode == .aborted)
      #expect(client.write([1], to: id).errorCode == .aborted)
      client.halfClose(id)
    }
    let frames = client.takeFrames()
    #expect(frames.count == 2)
    #expect(frames.last == ClientFrame(id, .cancel))
  }

  @Test("Releasing a stream that ended sends nothing")
  func release() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.takeFrames()
    _ = client.receive(ServerFrame(id, .closeStream(.ok)))
    client.release(id)
    #expect(!client.hasFrames)
    #expect(client.read(id).isEnd)
  }
}
