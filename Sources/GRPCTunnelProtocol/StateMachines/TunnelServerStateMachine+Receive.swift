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

// MARK: - Frames from the tunnel client

extension TunnelServerStateMachine {
  package mutating func receive(_ frame: ClientFrame, now: Duration) -> ServerFrameResult {
    switch self.state {
    case .connecting:
      return self.fault("The peer sent a frame before its headers.")
    case .closed:
      return .ignored
    case .open, .draining:
      ()
    }
    // Nothing can be answered any more.
    if self.ending.isOutputFinished || self.ending.outputFailure != nil { return .ignored }

    if case .newStream(let newStream) = frame.payload {
      return self.receive(newStream, id: frame.streamID, now: now)
    }
    if frame.streamID.rawValue < 0 {
      return self.receiveTunnelFrame(frame)
    }
    if frame.streamID > self.lastStreamID {
      return self.fault("The peer sent a frame for stream \(frame.streamID), never started.")
    }
    guard self.streams.isOpen(frame.streamID) else { return .ignored }

    if case .cancel = frame.payload {
      // A client whose clock is first says so with a cancel.
      let isOverdue = self.streams.isOverdue(frame.streamID, now: now)
      let error =
        isOverdue
        ? .deadlineExceeded : RPCError(code: .cancelled, message: "The peer cancelled the RPC.")
      _ = self.streams.fail(frame.streamID, error)
      return .stream(frame.streamID)
    }
    do {
      try self.streams.receive(frame.payload, for: frame.streamID, now: now) {
        stream throws(RPCError) in
        try stream.receive(frame.payload)
      }
    } catch {
      self.abort(frame.streamID, error)
    }
    return .stream(frame.streamID)
  }

  /// The only frame that concerns the whole tunnel belongs to the extension `drain`.
  private mutating func receiveTunnelFrame(_ frame: ClientFrame) -> ServerFrameResult {
    guard frame.streamID == .tunnel, case .halfClose = frame.payload,
      self.extensions.contains(.drain), !self.isPeerDraining
    else { return .ignored }
    self.isPeerDraining = true
    return .tunnel
  }

  private mutating func receive(
    _ newStream: NewStream,
    id: StreamID,
    now: Duration
  ) -> ServerFrameResult {
    guard id.rawValue >= 0, id > self.lastStreamID else {
      return self.fault("The peer started stream \(id), but ids must grow from 0.")
    }
    // Recorded before any refusal, so that what follows for this id is ignored.
    self.lastStreamID = id

    let path =
      newStream.methodName.utf8.first == UInt8(ascii: "/")
      ? newStream.methodName.dropFirst() : newStream.methodName[...]
    if path == Self.probeMethod {
      self.streams.enqueue(.closeStream(CloseStream(status: WireStatus())), for: id)
      return .ignored
    }
    let request: Request
    do {
      request = try self.accept(newStream, path: path)
    } catch {
      self.refuse(id, error)
      return .ignored
    }
    let stream = ServerStreamStateMachine(
      headers: request.headers,
      revision: newStream.protocolRevision,
      sendWindow: request.sendWindow,
      configuration: self.configuration
    )
    let timeout = request.headers[RPCTimeout.key].last.flatMap { RPCTimeout.decode($0) }
    self.streams.insert(stream, for: id, deadline: timeout.map { now + $0 })
    return .newStream(
      AcceptedStream(
        id: id,
        service: request.service,
        method: request.method,
        revision: newStream.protocolRevision
      )
    )
  }

  /// An RPC that can be taken on.
  private struct Request {
    var service: String
    var method: String
    var headers: WireMetadata
    var sendWindow: SendWindow
  }

  /// Why an RPC is not taken on.
  private struct Refusal: Error {
    var code: RPCError.Code
    var message: String
    /// Whether another tunnel might take the RPC on.
    var isTransient = false
  }

  private func accept(_ newStream: NewStream, path: Substring) throws(Refusal) -> Request {
    switch self.state {
    case .draining:
      throw Refusal(code: .unavailable, message: "server is shutting down", isTransient: true)
    case .connecting, .open, .closed:
      ()
    }
    let revision = newStream.protocolRevision
    let revisions = self.agreed.negotiates ? self.configuration.supportedRevisions : [.zero]
    guard revisions.contains(revision) else {
      let message = "revision \(revision) is not supported by this tunnel"
      throw Refusal(code: .unavailable, message: message, isTransient: true)
    }
    let sendWindow =
      revision.usesFlowControl ? SendWindow(announced: newStream.initialWindowSize) : .unlimited
    guard let sendWindow else {
      let message = "initial window of \(newStream.initialWindowSize) bytes is too large"
      throw Refusal(code: .invalidArgument, message: message)
    }
    guard let slash = path.utf8.firstIndex(of: UInt8(ascii: "/")), slash != path.startIndex,
      path.index(after: slash) != path.endIndex
    else {
      throw Refusal(code: .invalidArgument, message: "malformed method name")
    }
    let headers = newStream.requestHeaders ?? WireMetadata()
    let size = headers.byteCount + path.utf8.count
    guard size <= self.configuration.maximumMetadataSize else {
      let message =
        "\(size) bytes of metadata; at most \(self.configuration.maximumMetadataSize) are taken"
      throw Refusal(code: .resourceExhausted, message: message)
    }
    guard self.hasCapacity else {
      let limit = self.configuration.maximumConcurrentStreams
      let message = "the limit of \(limit) concurrent streams is reached"
      throw Refusal(code: .unavailable, message: message, isTransient: true)
    }
    guard self.streams.hasRoom(for: size) else {
      let limit = self.configuration.maximumUnreadBytesPerTunnel
      let message = "more than \(limit) bytes would wait to be read in the tunnel"
      throw Refusal(code: .unavailable, message: message, isTransient: true)
    }
    return Request(
      service: String(path[..<slash]),
      method: String(path[path.index(after: slash)...]),
      headers: headers,
      sendWindow: sendWindow
    )
  }

  /// What was announced holds for streams that have not ended: a client counts no others, and does
  /// not see whether a handler has returned. Handlers that go on behind the end of their streams
  /// are limited too, to as many again, so that no peer gets more by starting and cancelling.
  private var hasCapacity: Bool {
    let limit = self.configuration.maximumConcurrentStreams
    return self.streams.openCount < limit && self.streams.count - limit < limit
  }

  private mutating func refuse(_ id: StreamID, _ refusal: Refusal) {
    let close = CloseStream(
      status: WireStatus(code: Int32(refusal.code.rawValue), message: refusal.message),
      unprocessed: refusal.isTransient && self.extensions.contains(.refused)
    )
    self.streams.enqueue(.closeStream(close), for: id)
    self.streams.countRefusal()
  }

  private mutating func fault(_ message: String) -> ServerFrameResult {
    let error = RPCError(code: .internalError, message: message)
    self.close(TunnelEnd(initiator: .local, error: error))
    return .fault(error)
  }
}
