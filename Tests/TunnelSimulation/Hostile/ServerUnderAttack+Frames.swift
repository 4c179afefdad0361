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

extension ServerUnderAttack {
  /// A frame from the client; nil for bytes that are none.
  mutating func frame(_ event: Event) -> ClientFrame? {
    switch event {
    case .newStream:
      return self.newStream()
    case .message:
      let id = self.choices.streamID(known: self.ids)
      return ClientFrame(streamID: id, payload: .requestMessage(self.choices.envelope()))
    case .data:
      let id = self.choices.streamID(known: self.ids)
      return ClientFrame(streamID: id, payload: .moreRequestData(self.choices.data()))
    case .halfClose:
      return ClientFrame(streamID: self.choices.streamID(known: self.ids), payload: .halfClose)
    case .cancel:
      return ClientFrame(streamID: self.choices.streamID(known: self.ids), payload: .cancel)
    case .windowUpdate:
      let id = self.choices.streamID(known: self.ids)
      return ClientFrame(streamID: id, payload: .windowUpdate(self.choices.increment()))
    case .rawBytes:
      let count = self.choices.int(below: 1024)
      return try? ClientFrame(decoding: self.choices.bytes(count: count))
    default:
      return ClientFrame(streamID: self.choices.streamID(known: self.ids), payload: nil)
    }
  }

  private mutating func newStream() -> ClientFrame {
    let id: StreamID
    switch self.choices.int(below: 8) {
    case 7: id = self.choices.streamID(known: self.ids)
    case 6: id = StreamID(rawValue: (self.ids.last?.rawValue ?? 0) &+ 100)
    default: id = StreamID(rawValue: (self.ids.last?.rawValue ?? 0) &+ 1)
    }
    let probe = TunnelServerStateMachine.probeMethod
    return ClientFrame(
      streamID: id,
      payload: .newStream(
        NewStream(
          methodName: self.choices.pick(["a/b", "/a/b", probe, "", "/", "a", "//", "a/b/c"]),
          requestHeaders: self.choices.isOne(in: 2) ? nil : self.choices.metadata(),
          initialWindowSize: self.choices.pick([100, 0, 65_536, 0x7fff_ffff, .max]),
          protocolRevision: self.choices.pick([.one, .one, .zero, ProtocolRevision(rawValue: 7)])
        )
      )
    )
  }

  mutating func receive(_ frame: ClientFrame) throws(Violation) {
    guard !self.machine.isInboundPaused else { return }
    let isFault = self.isFault(frame)
    let isOpen = self.machine.streams.isOpen(frame.streamID)
    let openCount = self.machine.streams.openCount
    let window = self.wire.window(of: frame.streamID)
    let unread = self.machine.unreadByteCount
    if !isFault, self.machine.closure == nil, !self.hasEndedOutput {
      self.wire.received(frame)
      if case .newStream = frame.payload { self.ids.append(frame.streamID) }
    }
    let result = self.machine.receive(frame, now: self.now)
    if case .fault(let error) = result {
      try require(isFault, "A frame is taken for a fault: \(error)")
      return try require(self.machine.closure != nil, "The tunnel outlives a fault")
    }
    try require(!isFault, "A frame that breaks the tunnel is taken: \(frame)")
    switch result {
    case .newStream(let accepted):
      try require(
        openCount < self.configuration.maximumConcurrentStreams,
        "The limit of streams is passed"
      )
      try self.accept(accepted, frame)
    case .ignored, .stream, .tunnel, .fault:
      // Nothing is taken that could not be answered.
      if isOpen, !self.hasEndedOutput {
        try self.received(frame.payload, id: frame.streamID, window: window, unread: unread)
      }
    }
    try require(
      self.machine.unreadByteCount <= self.configuration.maximumUnreadBytesPerTunnel,
      "More waits to be read than may"
    )
  }

  /// Whether the frame ends the tunnel (PROTOCOL.md 7).
  private func isFault(_ frame: ClientFrame) -> Bool {
    if self.machine.closure != nil || self.hasEndedOutput { return false }
    guard self.machine.agreement != nil else { return true }
    let last = self.ids.last ?? StreamID(rawValue: -1)
    if case .newStream = frame.payload {
      return frame.streamID.rawValue < 0 || frame.streamID <= last
    }
    return frame.streamID.rawValue >= 0 && frame.streamID > last
  }

  private mutating func accept(
    _ accepted: AcceptedStream,
    _ frame: ClientFrame
  ) throws(Violation) {
    try require(accepted.id == frame.streamID, "Another stream was taken on")
    try require(!accepted.service.isEmpty && !accepted.method.isEmpty, "A method has no name")
    try require(self.wire.drain == nil, "A draining server takes on an RPC")
    self.accepted.append(accepted.id)
    self.streams[accepted.id] = Stream(
      requests: ExpectedMessages(
        maximumMessageSize: self.configuration.maximumMessageSize,
        revision: accepted.revision,
        configuration: self.configuration
      )
    )
  }

  /// Checks what became of a stream that was open.
  private mutating func received(
    _ payload: ClientFrame.Payload?,
    id: StreamID,
    window: Int?,
    unread: Int
  ) throws(Violation) {
    guard var stream = self.streams[id] else {
      throw Violation("A stream was taken on by nobody")
    }
    var verdict = ExpectedMessages.Verdict.fine
    let ignoresRequest = stream.isHalfClosed || stream.hasAnswered
    switch payload {
    case .requestMessage(let envelope):
      if !ignoresRequest { verdict = stream.requests.receive(envelope) }
    case .moreRequestData(let data):
      if !ignoresRequest { verdict = stream.requests.receive(data) }
    case .halfClose:
      if !ignoresRequest {
        verdict = stream.requests.isInsideMessage ? .broken : .fine
        stream.isHalfClosed = true
      }
    case .windowUpdate(let increment):
      if let window, window + Int(increment) > SendWindow.maximum { verdict = .broken }
    case .cancel, .newStream, .none:
      verdict = .broken
    }
    if self.mayExceedLimit(unread: unread, size: payload?.dataByteCount ?? 0), verdict == .fine {
      verdict = .tooMuch
    }
    switch verdict {
    case .fine:
      try require(self.machine.streams.isOpen(id), "A stream ended that its peer used well")
    case .broken:
      try require(!self.machine.streams.isOpen(id), "A stream lives on that its peer has broken")
    case .tooMuch:
      ()
    }
    self.streams[id] = stream
  }
}
