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

extension ClientUnderAttack {
  /// A frame from the server; nil for bytes that are none.
  mutating func frame(_ event: Event) -> ServerFrame? {
    switch event {
    case .headers:
      return self.frame(.responseHeaders(self.choices.metadata()))
    case .message:
      return self.frame(.responseMessage(self.choices.envelope()))
    case .data:
      return self.frame(.moreResponseData(self.choices.data()))
    case .closeStream:
      return self.frame(
        .closeStream(
          CloseStream(
            responseTrailers: self.choices.isOne(in: 2) ? nil : self.choices.metadata(),
            status: self.choices.status(codes: [0, 5, 14, 16, 99, -1]),
            unprocessed: self.choices.isOne(in: 3)
          )
        )
      )
    case .settings:
      return self.settings()
    case .windowUpdate:
      return self.frame(.windowUpdate(self.choices.increment()))
    case .drainFrame:
      let last = self.choices.streamID(known: self.ids)
      let id = self.choices.isOne(in: 4) ? self.choices.streamID(known: self.ids) : .tunnel
      return ServerFrame(streamID: id, payload: .drain(Drain(lastStreamID: last)))
    case .rawBytes:
      let count = self.choices.int(below: 1024)
      return try? ServerFrame(decoding: self.choices.bytes(count: count))
    default:
      return self.frame(nil)
    }
  }

  private mutating func frame(_ payload: ServerFrame.Payload?) -> ServerFrame {
    ServerFrame(streamID: self.choices.streamID(known: self.ids), payload: payload)
  }

  private mutating func settings() -> ServerFrame {
    let settings = Settings(
      supportedProtocolRevisions: self.choices.pick([
        [.zero, .one], [.zero], [.one], [], [ProtocolRevision(rawValue: 7), .one],
      ]),
      initialWindowSize: self.choices.pick([100, 0, 65_536, 0x7fff_ffff, .max]),
      maxConcurrentStreams: self.choices.pick([0, 1, 3, .max])
    )
    let id = self.choices.isOne(in: 8) ? self.choices.streamID(known: self.ids) : .tunnel
    return ServerFrame(streamID: id, payload: .settings(settings))
  }

  mutating func receive(_ frame: ServerFrame) throws(Violation) {
    guard !self.machine.isInboundPaused else { return }
    let isFault = self.isFault(frame)
    let isOpen = self.machine.streams.isOpen(frame.streamID)
    let window = self.wire.window(of: frame.streamID)
    let unread = self.machine.unreadByteCount
    let wasOpened = self.machine.agreement != nil
    if !isFault, wasOpened, !self.hasFinishedOutput { self.wire.received(frame) }
    let result = self.machine.receive(frame, now: self.now)
    if case .fault(let error) = result {
      try require(isFault, "A frame is taken for a fault: \(error)")
      return try require(self.machine.closure != nil, "The tunnel outlives a fault")
    }
    try require(!isFault, "A frame that breaks the tunnel is taken: \(frame)")
    if !wasOpened, let agreement = self.machine.agreement,
      case .settings(let settings) = frame.payload
    {
      self.wire.opened(agreement, settings: settings)
    }
    if isOpen, !self.hasFinishedOutput {
      try self.received(frame.payload, id: frame.streamID, window: window, unread: unread)
    }
  }

  /// Whether the frame ends the tunnel (PROTOCOL.md 3 and 7).
  private func isFault(_ frame: ServerFrame) -> Bool {
    if self.machine.closure != nil { return false }
    guard self.machine.agreement != nil else { return !self.opensTunnel(frame) }
    if self.hasFinishedOutput { return false }
    return frame.streamID.rawValue >= 0 && frame.streamID > self.machine.lastStreamID
  }

  /// Whether the frame is the one that the client waits for, and good.
  private func opensTunnel(_ frame: ServerFrame) -> Bool {
    guard self.hasCarrierHeaders, self.offered.agreed(with: self.peer).negotiates,
      frame.streamID == .tunnel,
      case .settings(let settings) = frame.payload
    else { return false }
    let common = self.configuration.supportedRevisions
      .filter { settings.supportedProtocolRevisions.contains($0) }
    guard let revision = common.max() else { return false }
    return !revision.usesFlowControl || settings.initialWindowSize <= SendWindow.maximum
  }

  /// Checks what became of a stream that was open.
  private mutating func received(
    _ payload: ServerFrame.Payload?,
    id: StreamID,
    window: Int?,
    unread: Int
  ) throws(Violation) {
    guard var stream = self.streams[id] else {
      throw Violation("A stream was started by nobody")
    }
    var verdict = ExpectedMessages.Verdict.fine
    var size = payload?.dataByteCount ?? 0
    switch payload {
    case .responseHeaders(let metadata):
      size = metadata.byteCount
      if !stream.isTouched, size > self.configuration.maximumMetadataSize { verdict = .broken }
      stream.isTouched = true
    case .responseMessage(let envelope):
      verdict = stream.responses.receive(envelope)
      stream.isTouched = true
    case .moreResponseData(let data):
      verdict = stream.responses.receive(data)
    case .windowUpdate(let increment):
      if let window, window + Int(increment) > SendWindow.maximum { verdict = .broken }
    case .closeStream(let close):
      try require(!self.machine.streams.isOpen(id), "A stream outlives its close")
      let isOK = close.status?.code ?? 0 == 0
      stream.isClosedByPeer =
        close.byteCount <= self.configuration.maximumMetadataSize
        && !(isOK && stream.responses.isInsideMessage)
      verdict = .broken
    case .settings, .drain, .none:
      verdict = .broken
    }
    if self.mayExceedLimit(unread: unread, size: size), verdict == .fine { verdict = .tooMuch }
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
