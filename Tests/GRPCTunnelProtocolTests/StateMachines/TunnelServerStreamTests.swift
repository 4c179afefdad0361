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

@Suite("Tunnel server: streams (PROTOCOL.md 4 to 6)")
struct TunnelServerStreamTests {
  private let chunk = ArraySlice<UInt8>(repeating: 7, count: 16_384)

  private func withStream(
    headers: WireMetadata = [:],
    revision: ProtocolRevision = .one,
    window: UInt32 = 65_536,
    now: Duration = .zero,
    configure: (inout TunnelConfiguration) -> Void = { _ in }
  ) -> TunnelServerStateMachine {
    var server = TunnelServerStateMachine.opened(configure: configure)
    let frame = ClientFrame.newStream(1, headers: headers, revision: revision, window: window)
    #expect(server.receive(frame, now: now).accepted != nil)
    return server
  }

  // MARK: - Requests

  @Test("The handler reads headers, messages and the end")
  func request() {
    var server = self.withStream(headers: ["h": ["1"]])
    #expect(server.read(1).part == .headers(["h": ["1"]]))
    #expect(server.read(1).isWait)
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope(size: 2, data: [1]))))
    #expect(server.read(1).isWait)
    _ = server.receive(ClientFrame(1, .moreRequestData([2])))
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope([]))))
    #expect(server.receive(ClientFrame(1, .halfClose)).stream == 1)
    #expect(server.read(1).part == .message([1, 2]))
    #expect(server.read(1).part == .message([]))
    #expect(server.read(1).isEnd)
    #expect(server.read(1).isEnd)
  }

  @Test("Credit for an awaited message is returned on arrival, for others when they are read")
  func credit() {
    var server = self.withStream { $0.maximumWindowGrowth = 0 }
    let data = self.chunk + self.chunk
    let whole = MessageEnvelope(size: 65_536, data: data)
    _ = server.receive(ClientFrame(1, .requestMessage(whole)))
    #expect(!server.hasFrames)
    #expect(server.read(1).part == .headers([:]))
    #expect(!server.hasFrames)
    #expect(server.read(1).isWait)
    #expect(server.takeFrames() == [ServerFrame(1, .windowUpdate(32_768))])
    _ = server.receive(ClientFrame(1, .moreRequestData(data)))
    #expect(server.takeFrames() == [ServerFrame(1, .windowUpdate(32_768))])
    #expect(server.read(1).part == .message(data + data))
    #expect(!server.hasFrames)
  }

  @Test("No credit is returned for a request that is complete, or for revision zero")
  func noCredit() {
    for revision in ProtocolRevision.both {
      var server = self.withStream(revision: revision)
      let message = MessageEnvelope(ArraySlice(repeating: 0, count: 50_000))
      _ = server.receive(ClientFrame(1, .requestMessage(message)))
      if revision == .one { _ = server.receive(ClientFrame(1, .halfClose)) }
      #expect(server.read(1).part == .headers([:]))
      #expect(server.read(1).part != nil)
      #expect(!server.hasFrames)
    }
  }

  @Test("A cancel aborts the stream, and is not answered", arguments: ProtocolRevision.both)
  func cancel(revision: ProtocolRevision) {
    var server = self.withStream(revision: revision)
    _ = server.write([1], to: 1)
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope([1]))))
    #expect(server.receive(ClientFrame(1, .cancel)).stream == 1)
    #expect(server.isAborted(1))
    #expect(server.writeReadiness(of: 1).errorCode == .cancelled)
    #expect(server.read(1).part == .headers([:]))
    #expect(server.read(1).errorCode == .cancelled)
    server.close(1, with: .ok)
    #expect(server.takeFrames() == [ServerFrame(1, .responseHeaders([:]))])
    #expect(server.activeStreamCount == 1)
    server.release(1)
    #expect(server.activeStreamCount == 0)
  }

  // MARK: - Responses

  @Test("Headers leave once, before messages")
  func headers() {
    var server = self.withStream()
    #expect(server.writeHeaders(["h": ["1"]], to: 1).isWritten)
    #expect(server.writeHeaders(["h": ["2"]], to: 1).isWritten)
    _ = server.write([1], to: 1)
    #expect(
      server.takeFrames() == [
        ServerFrame(1, .responseHeaders(["h": ["1"]])),
        ServerFrame(1, .responseMessage(MessageEnvelope([1]))),
      ]
    )
  }

  @Test("A message, or an OK, without headers brings empty ones; an error does not")
  func assumedHeaders() {
    var server = self.withStream()
    _ = server.receive(.newStream(2))
    _ = server.receive(.newStream(3))
    _ = server.write([1], to: 1)
    server.close(2, with: .ok)
    server.close(3, with: CloseStream(.notFound))
    let frames = server.takeFrames()
    #expect(frames.filter { $0.payload == .responseHeaders([:]) }.map(\.streamID) == [1, 2])
    #expect(frames.compactMap(\.closeCode) == [.notFound])
    #expect(frames.count == 5)
  }

  @Test("The close leaves in the batch of the last chunk")
  func close() {
    var server = self.withStream()
    let close = CloseStream(responseTrailers: ["t": ["1"]], status: WireStatus())
    _ = server.writeHeaders([:], to: 1)
    _ = server.takeFrames()
    _ = server.write(self.chunk + [1], to: 1)
    server.close(1, with: close)
    server.close(1, with: CloseStream(.notFound))
    var frames: [ServerFrame] = []
    _ = server.takeFrames(into: &frames, maximumByteCount: 16_384 + 65)
    #expect(
      frames == [
        ServerFrame(1, .responseMessage(MessageEnvelope(size: 16_385, data: self.chunk))),
        ServerFrame(1, .moreResponseData([1])), ServerFrame(1, .closeStream(close)),
      ]
    )
    #expect(!server.isAborted(1))
    server.release(1)
    #expect(server.activeStreamCount == 0)
  }

  @Test("Messages and close wait for the window, also when the handler has returned")
  func window() {
    var server = self.withStream(window: 1)
    _ = server.write([1, 2], to: 1)
    server.close(1, with: .ok)
    server.release(1)
    #expect(
      server.takeFrames().last?.payload == .responseMessage(MessageEnvelope(size: 2, data: [1]))
    )
    #expect(server.activeStreamCount == 1)
    #expect(server.receive(ClientFrame(1, .windowUpdate(1))).stream == 1)
    #expect(
      server.takeFrames() == [
        ServerFrame(1, .moreResponseData([2])), ServerFrame(1, .closeStream(.ok)),
      ]
    )
    #expect(server.activeStreamCount == 0)
  }

  @Test("A server may close before the request is complete: the rest is ignored")
  func earlyClose() {
    var server = self.withStream(window: 0)
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope(size: 2, data: [1]))))
    _ = server.write([1], to: 1)
    server.close(1, with: .ok)
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope([]))))
    _ = server.receive(ClientFrame(1, .halfClose))
    #expect(!server.isAborted(1))
    #expect(server.read(1).part == .headers([:]))
    #expect(server.read(1).isEnd)
  }

  @Test("Writers wait when a stream holds enough, and go on when it has drained")
  func backpressure() {
    var server = self.withStream { $0.sendBufferSize = 20_000 }
    #expect(server.write(self.chunk, to: 1).isWritten)
    #expect(server.write(self.chunk, to: 1).isWrittenThenWait)
    #expect(server.writeReadiness(of: 1).isWait)
    var frames: [ServerFrame] = []
    #expect(server.takeFrames(into: &frames, maximumByteCount: 64).isEmpty)
    #expect(server.takeFrames(into: &frames, maximumByteCount: 1) == [1])
    #expect(server.writeReadiness(of: 1).isReady)
  }

  @Test("Nothing is taken behind the close")
  func writesBehindClose() {
    var server = self.withStream(window: 0)
    _ = server.write([1], to: 1)
    server.close(1, with: .ok)
    #expect(server.write([2], to: 1).errorCode == .failedPrecondition)
    #expect(server.writeHeaders([:], to: 1).errorCode == .failedPrecondition)
    #expect(server.writeReadiness(of: 1).errorCode == .failedPrecondition)
  }

  @Test("A handler that returns without a status fails its stream")
  func noStatus() {
    var server = self.withStream()
    server.release(1)
    #expect(server.takeFrames().map(\.closeCode) == [.internalError])
    #expect(server.activeStreamCount == 0)
    #expect(server.write([1], to: 1).errorCode == .cancelled)
    #expect(server.read(1).isEnd)
  }

  // MARK: - Frames that are too large (PROTOCOL.md 5)

  @Test("Headers that make too large a frame fail their stream alone")
  func largeHeaders() {
    var server = self.withStream { $0.maximumControlFrameSize = 100 }
    let headers: WireMetadata = ["k": [String(repeating: "x", count: 100)]]
    #expect(server.writeHeaders(headers, to: 1).errorCode == .resourceExhausted)
    #expect(server.takeFrames().map(\.closeCode) == [.resourceExhausted])
    #expect(server.closure == nil)
  }

  @Test(
    "A status or trailers that make too large a frame fail their stream alone",
    arguments: [
      CloseStream(responseTrailers: ["k": [String(repeating: "x", count: 1000)]]),
      CloseStream(.notFound, String(repeating: "x", count: 1001)),
      CloseStream(
        status: WireStatus(
          code: 5,
          details: [WireStatus.Detail(value: ArraySlice(repeating: 0, count: 1001))]
        )
      ),
      CloseStream(
        status: WireStatus(
          code: 5,
          details: [WireStatus.Detail](repeating: WireStatus.Detail(), count: 1001)
        )
      ),
    ]
  )
  func largeClose(close: CloseStream) {
    var server = self.withStream { $0.maximumControlFrameSize = 1000 }
    server.close(1, with: close)
    let frames = server.takeFrames()
    #expect(frames.map(\.closeCode) == [.resourceExhausted])
    #expect(frames.allSatisfy { $0.encoded().count < 1000 })
  }

  @Test("An error with too large a message keeps its code")
  func largeError() {
    var server = self.withStream { $0.maximumControlFrameSize = 1000 }
    server.abort(1, RPCError(code: .notFound, message: String(repeating: "x", count: 1001)))
    let frames = server.takeFrames()
    #expect(frames.map(\.closeCode) == [.notFound])
    #expect(frames.allSatisfy { $0.encoded().count < 1000 })
  }

  // MARK: - Deadlines

  @Test(
    "A deadline that passes closes the stream, whatever its handler does",
    arguments: ProtocolRevision.both
  )
  func deadline(revision: ProtocolRevision) {
    var server = self.withStream(
      headers: ["grpc-timeout": ["10S"]],
      revision: revision,
      now: .seconds(100)
    )
    #expect(server.nextTimer == .seconds(110))
    #expect(server.expireTimers(now: .seconds(109)).streams == [])
    #expect(server.expireTimers(now: .seconds(110)).streams == [1])
    #expect(server.isAborted(1))
    #expect(server.takeFrames().map(\.closeCode) == [.deadlineExceeded])
    #expect(server.write([1], to: 1).errorCode == .deadlineExceeded)
    server.close(1, with: .ok)
    #expect(!server.hasFrames)
    #expect(server.nextTimer == nil)
  }

  @Test(
    "The last value counts, and one that makes no sense is none",
    arguments: [
      (["1S", "2S"], .seconds(2)), (["-5S"], nil), (["123456789S"], nil), ([], nil),
      (["1S", "junk"], nil), (["0n"], .zero), (["99999999H"], .seconds(2_562_047 * 3600)),
    ] as [([String], Duration?)]
  )
  func deadlineValues(values: [String], timer: Duration?) {
    var server = self.withStream(headers: ["grpc-timeout": values])
    #expect(server.nextTimer == timer)
  }

  @Test("A handler that hears of its deadline first does not choose the status")
  func deadlineBeforeTimer() {
    var server = self.withStream(headers: ["grpc-timeout": ["10S"]])
    server.close(1, with: CloseStream(.notFound), now: .seconds(10))
    #expect(server.isAborted(1))
    #expect(server.takeFrames().map(\.closeCode) == [.deadlineExceeded])
  }

  @Test("A client that hears of the deadline first, and cancels, is no other reason")
  func cancelAtDeadline() {
    for (now, code) in [
      (Duration.seconds(9), RPCError.Code.cancelled), (.seconds(10), .deadlineExceeded),
    ] {
      var server = self.withStream(headers: ["grpc-timeout": ["10S"]])
      #expect(server.receive(ClientFrame(1, .cancel), now: now).stream == 1)
      #expect(server.writeReadiness(of: 1).errorCode == code)
      #expect(!server.hasFrames)
    }
  }

  @Test("A response that waits for the window ends with its deadline")
  func deadlineBehindHandler() {
    var server = self.withStream(headers: ["grpc-timeout": ["10S"]], window: 0)
    _ = server.write([1], to: 1)
    server.close(1, with: .ok)
    server.release(1)
    #expect(server.expireTimers(now: .seconds(10)).streams == [1])
    #expect(server.takeFrames().last?.closeCode == .deadlineExceeded)
    #expect(server.activeStreamCount == 0)
  }

  @Test(
    "A stream that has ended has no deadline",
    arguments: ["close", "cancel", "abort", "release"]
  )
  func noDeadline(how: String) {
    var server = self.withStream(headers: ["grpc-timeout": ["10S"]])
    switch how {
    case "close": server.close(1, with: .ok)
    case "cancel": _ = server.receive(ClientFrame(1, .cancel))
    case "abort": server.abort(1, RPCError(code: .aborted, message: ""))
    default: server.release(1)
    }
    _ = server.takeFrames()
    #expect(server.nextTimer == nil)
    #expect(server.expireTimers(now: .seconds(100)).streams == [])
  }

  // MARK: - Revision zero

  @Test(
    "A stream that nobody reads stops the carrier until it is read, ends, or the limit is reached"
  )
  func stall() {
    for how in ["read", "cancel", "close", "release", "limit"] {
      var server = self.withStream(revision: .zero) { $0.receiveBufferSize = 1000 }
      #expect(server.read(1).part == .headers([:]))
      let message = MessageEnvelope(ArraySlice(repeating: 0, count: 1001))
      _ = server.receive(ClientFrame(1, .requestMessage(message)), now: .seconds(5))
      #expect(server.isInboundPaused)
      #expect(server.nextTimer == .seconds(35))
      switch how {
      case "read": #expect(server.read(1).part != nil)
      case "cancel": _ = server.receive(ClientFrame(1, .cancel))
      case "close": server.close(1, with: .ok)
      case "release": server.release(1)
      default:
        #expect(server.expireTimers(now: .seconds(35)).streams == [1])
        #expect(server.takeFrames().map(\.closeCode) == [.resourceExhausted])
      }
      #expect(!server.isInboundPaused)
      #expect(server.nextTimer == nil)
    }
  }

  @Test("A message larger than the buffer is assembled before the carrier is stopped")
  func largeMessage() {
    var server = self.withStream(revision: .zero) { $0.receiveBufferSize = 1000 }
    let part = ArraySlice<UInt8>(repeating: 0, count: 1500)
    _ = server.receive(ClientFrame(1, .requestMessage(MessageEnvelope(size: 3000, data: part))))
    #expect(!server.isInboundPaused)
    _ = server.receive(ClientFrame(1, .moreRequestData(part)))
    #expect(server.isInboundPaused)
  }

  @Test("Streams of both revisions can share a tunnel; each keeps its own rules")
  func mixedRevisions() {
    var server = self.withStream(revision: .zero, window: 0)
    _ = server.receive(.newStream(2, revision: .one, window: 0))
    _ = server.write([1], to: 1)
    _ = server.write([1], to: 2)
    let data = server.takeFrames().filter { $0.payload?.dataByteCount ?? 0 > 0 }
    #expect(data.map(\.streamID) == [1])
  }
}
