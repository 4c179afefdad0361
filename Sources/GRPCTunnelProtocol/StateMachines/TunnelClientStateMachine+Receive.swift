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

// MARK: - Frames from the tunnel server

extension TunnelClientStateMachine {
  package mutating func receive(_ frame: ServerFrame, now: Duration) -> ClientFrameResult {
    switch self.state {
    case .idle, .connecting:
      return self.fault("The peer sent a frame before its headers.")
    case .awaitingSettings:
      return self.receiveSettings(frame, now: now)
    case .closed:
      return .ignored
    case .open:
      ()
    }
    // Nothing can be answered any more.
    if self.ending.isOutputFinished { return .ignored }
    let wasSilent = self.liveness.isSilent
    self.liveness.arrived(now: now)
    let result = self.receiveOpened(frame, now: now)
    // A tunnel that was not chosen can be again.
    if wasSilent, case .ignored = result { return .tunnel }
    return result
  }

  private mutating func receiveOpened(_ frame: ServerFrame, now: Duration) -> ClientFrameResult {
    if frame.streamID == .tunnel {
      return self.receiveTunnelFrame(frame)
    }
    if frame.streamID < .tunnel {
      return .ignored
    }
    if frame.streamID > self.lastStreamID {
      return self.fault("The peer sent a frame for stream \(frame.streamID), never started.")
    }
    if case .closeStream(let close) = frame.payload,
      self.liveness.closed(frame.streamID, now: now)
    {
      self.probeAnswered(isRefusal: Self.isRefusalByShutdown(close))
      return .tunnel
    }
    guard self.streams.isOpen(frame.streamID) else { return .ignored }
    if case .closeStream(let close) = frame.payload, Self.isRefusalByShutdown(close),
      !self.extensions.contains(.drain),
      self.streams.inspect(frame.streamID, { $0.isUntouched }) ?? false
    {
      self.peerSeemsToDrain(now: now)
    }

    let payload = self.withoutUnfoundedClaims(frame)
    do {
      try self.streams.receive(payload, for: frame.streamID, now: now) { stream throws(RPCError) in
        try stream.receive(payload)
      }
    } catch {
      self.cancel(frame.streamID, error: error)
    }
    return .stream(frame.streamID)
  }

  /// What a Go peer says that is shutting down (PROTOCOL.md 8).
  private static func isRefusalByShutdown(_ close: CloseStream) -> Bool {
    close.status?.code == Int32(RPCError.Code.unavailable.rawValue)
      && close.status?.message == "server is shutting down"
  }

  /// Whether a stream was not processed is for the extensions to say, and for nobody else.
  private func withoutUnfoundedClaims(_ frame: ServerFrame) -> ServerFrame.Payload? {
    guard case .closeStream(var close) = frame.payload, close.unprocessed,
      !self.extensions.contains(.refused)
    else {
      return frame.payload
    }
    close.unprocessed = false
    return .closeStream(close)
  }

  private mutating func receiveSettings(
    _ frame: ServerFrame,
    now: Duration
  ) -> ClientFrameResult {
    guard frame.streamID == .tunnel, case .settings(let settings) = frame.payload else {
      return self.fault("The peer's first frame is not settings.")
    }
    let own = self.configuration.supportedRevisions
    let theirs = settings.supportedProtocolRevisions
    guard let revision = own.filter({ theirs.contains($0) }).max() else {
      let list = { (revisions: [ProtocolRevision]) in
        "[" + revisions.prefix(16).map(\.description).joined(separator: ", ") + "]"
      }
      return self.fault(
        "No revision in common: this end supports \(list(own)), the peer \(list(theirs)).",
        code: .failedPrecondition
      )
    }
    guard settings.initialWindowSize <= SendWindow.maximum || !revision.usesFlowControl else {
      return self.fault("The peer's initial window of \(settings.initialWindowSize) is too large.")
    }
    let limit = settings.maxConcurrentStreams
    self.liveness.arrived(now: now)
    self.state = .open(
      Peer(
        revision: revision,
        initialWindowSize: settings.initialWindowSize,
        maximumConcurrentStreams:
          self.extensions.contains(.streamLimit) && limit > 0 ? Int(clamping: limit) : .max
      )
    )
    return .tunnel
  }

  private mutating func receiveTunnelFrame(_ frame: ServerFrame) -> ClientFrameResult {
    guard case .drain(let drain) = frame.payload, self.extensions.contains(.drain) else {
      return .ignored
    }
    let last = max(drain.lastStreamID, .tunnel)
    // Every stream is looked at: a peer must not have that done again for nothing.
    if let known = self.peerLastStreamID, known <= last { return .ignored }
    self.peerLastStreamID = last
    // The peer promises that no handler ran, or will run, for what it has not seen.
    let refusal = CloseStream(
      status: WireStatus(
        code: Int32(RPCError.peerDrains.code.rawValue),
        message: RPCError.peerDrains.message
      ),
      unprocessed: true
    )
    for id in self.streams.openStreams(above: last) {
      _ = self.streams.update(id) { $0.close(refusal) }
    }
    return .tunnel
  }

  private mutating func fault(
    _ message: String,
    code: RPCError.Code = .internalError
  ) -> ClientFrameResult {
    let error = RPCError(code: code, message: message)
    self.close(TunnelEnd(initiator: .local, error: error))
    return .fault(error)
  }
}
