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

package import GRPCCore

/// The tunnel server's end of one tunnel: accepts streams and answers them.
package struct TunnelServerStateMachine: TunnelStateMachine {
  package typealias InboundFrame = ClientFrame

  /// The method of liveness probes, which every tunnel server of ours answers itself
  /// (PROTOCOL.md 11).
  package static let probeMethod = "grpctunnel.v1.Liveness/Probe"

  enum State: Sendable {
    /// The carrier has not been started, or the peer's headers have not arrived.
    case connecting(deadline: Duration?)
    case open
    case draining
    case closed(TunnelEnd)
  }

  let configuration: TunnelConfiguration
  private let offered: CarrierHeaders
  private(set) var agreed: CarrierHeaders
  private(set) var state: State
  /// Streams whose response has not left entirely, or whose handler runs.
  package var streams: StreamTable<ServerStreamStateMachine>
  var lastStreamID: StreamID
  /// Whether the peer has said that it starts no more streams.
  package internal(set) var isPeerDraining: Bool
  private(set) var ending: TunnelEnding

  /// - Parameter offered: What this end says in the carrier's headers.
  package init(configuration: TunnelConfiguration, offered: CarrierHeaders) {
    self.configuration = configuration
    self.offered = offered
    self.agreed = CarrierHeaders(negotiates: false, extensions: [])
    self.state = .connecting(deadline: nil)
    self.streams = StreamTable(configuration: configuration)
    self.lastStreamID = StreamID(rawValue: -1)
    self.isPeerDraining = false
    self.ending = TunnelEnding(configuration: configuration)
  }

  // MARK: - The tunnel

  package var extensions: Set<TunnelExtension> {
    self.agreed.extensions
  }

  package var agreement: TunnelAgreement? {
    switch self.state {
    case .open, .draining:
      TunnelAgreement(
        revision: self.agreed.negotiates ? self.configuration.maximumRevision : .zero,
        extensions: self.extensions
      )
    case .connecting, .closed:
      nil
    }
  }

  package var drainInitiator: TunnelEnd.Initiator? {
    switch self.state {
    case .draining: .local
    case .connecting, .open, .closed: self.isPeerDraining ? .remote : nil
    }
  }

  package var closure: TunnelEnd? {
    switch self.state {
    case .closed(let closure): closure
    case .connecting, .open, .draining: nil
    }
  }

  /// The carrier is being started: the peer has to answer within the handshake timeout.
  package mutating func startConnecting(now: Duration) {
    switch self.state {
    case .connecting:
      self.state = .connecting(deadline: now + self.configuration.handshakeTimeout)
    case .open, .draining, .closed:
      ()
    }
  }

  /// The peer's carrier headers arrived.
  package mutating func carrierOpened(peer: CarrierHeaders) {
    switch self.state {
    case .connecting:
      self.state = .open
    case .open, .draining, .closed:
      return
    }
    self.agreed = self.offered.agreed(with: peer)
    if self.agreed.negotiates {
      let announcesLimit = self.extensions.contains(.streamLimit)
      let settings = Settings(
        supportedProtocolRevisions: self.configuration.supportedRevisions,
        initialWindowSize: self.configuration.initialWindowSize,
        maxConcurrentStreams:
          announcesLimit ? UInt32(clamping: self.configuration.maximumConcurrentStreams) : 0
      )
      self.streams.enqueue(.settings(settings), for: .tunnel)
    }
  }

  /// The streams that have not ended, and those that have but whose handler still runs.
  package var activeStreamCount: Int {
    self.streams.count
  }

  /// Takes no more streams; the tunnel ends when those that are open have ended, or after the drain
  /// timeout.
  package mutating func beginDrain(now: Duration) {
    switch self.state {
    case .connecting:
      // Nothing has been promised to the peer.
      self.close(TunnelEnd(initiator: .local, error: nil))
    case .open:
      self.state = .draining
      self.ending.beginDrain(now: now)
      if self.extensions.contains(.drain) {
        self.streams.enqueue(.drain(Drain(lastStreamID: self.lastStreamID)), for: .tunnel)
      }
    case .draining, .closed:
      ()
    }
  }

  package var outputEnd: OutputEnd? {
    switch self.state {
    case .closed(let closure):
      return .failed(closure)
    case .draining:
      return self.streams.count == 0 && !self.streams.hasFrames ? .finished : nil
    case .connecting, .open:
      return nil
    }
  }

  package mutating func outputFinished(now: Duration) {
    self.ending.outputFinished(now: now)
  }

  package mutating func outputFailed(_ closure: TunnelEnd, now: Duration) {
    self.ending.outputFailed(closure, now: now)
    self.streams.stopOutput()
  }

  package mutating func close(_ closure: TunnelEnd) {
    guard self.closure == nil else { return }
    let closure = self.ending.attributed(closure)
    self.state = .closed(closure)
    self.streams.close(closure.streamError)
  }

  package mutating func reserveStream() -> ReserveResult {
    .failed(RPCError(code: .internalError, message: "A tunnel server starts no streams."))
  }

  // MARK: - The handler's side of a stream

  /// Whether the stream ended without its handler's doing: its cancellation handle is to be fired.
  package func isAborted(_ id: StreamID) -> Bool {
    self.streams[id]?.isAborted ?? false
  }

  /// Sends the response's headers; later ones are dropped.
  package mutating func writeHeaders(
    _ headers: WireMetadata,
    to id: StreamID
  ) -> StreamWriteResult {
    if let error = self.streams.writeError(of: id) { return .failed(error) }
    let size = headers.byteCount
    guard size <= self.configuration.maximumControlFrameSize else {
      let error = self.tooLarge("headers have", size)
      self.abort(id, error)
      return .failed(error)
    }
    self.startResponse(of: id, headers)
    return .written
  }

  /// - Parameter now: Asked for only when it is needed.
  package mutating func write(
    _ message: ArraySlice<UInt8>,
    to id: StreamID,
    now: @autoclosure () -> Duration
  ) -> StreamWriteResult {
    self.startResponse(of: id, WireMetadata())
    return self.streams.write(message, to: id, now: now)
  }

  /// Closes the stream behind its messages, with the handler's status.
  package mutating func close(_ id: StreamID, with close: CloseStream, now: Duration) {
    guard self.streams.writeError(of: id) == nil else { return }
    // A handler can learn of its deadline elsewhere before this machine's timer goes off.
    guard !self.streams.isOverdue(id, now: now) else {
      self.abort(id, .deadlineExceeded)
      return
    }
    let size = close.byteCount
    guard size <= self.configuration.maximumControlFrameSize else {
      self.abort(id, self.tooLarge("trailers and status have", size))
      return
    }
    if close.status?.code ?? 0 == 0 {
      self.startResponse(of: id, WireMetadata())
    }
    _ = self.streams.update(id) { $0.close(close) }
  }

  /// Ends a stream on this end's account and tells the peer.
  package mutating func abort(_ id: StreamID, _ error: RPCError) {
    guard self.streams.fail(id, error) else { return }
    let size = error.message.utf8.count
    let isTooLarge = size > self.configuration.maximumControlFrameSize
    let status = WireStatus(
      code: Int32(error.code.rawValue),
      message: isTooLarge ? self.tooLarge("error has", size).message : error.message
    )
    self.streams.enqueue(.closeStream(CloseStream(status: status)), for: id)
  }

  /// The handler has returned; a stream that it left open is closed.
  package mutating func release(_ id: StreamID) {
    if self.streams.writeError(of: id) == nil {
      self.abort(
        id,
        RPCError(code: .internalError, message: "The handler returned without a status.")
      )
    }
    self.streams.release(id)
  }

  /// Sends headers, unless some were sent before.
  private mutating func startResponse(of id: StreamID, _ headers: WireMetadata) {
    if self.streams.update(id, { $0.startResponse() }) ?? false {
      self.streams.enqueue(.responseHeaders(headers), for: id)
    }
  }

  private func tooLarge(_ subject: String, _ size: Int) -> RPCError {
    RPCError(
      code: .resourceExhausted,
      message: """
        The response's \(subject) \(size) bytes; a tunnel carries at most \
        \(self.configuration.maximumControlFrameSize).
        """
    )
  }

  // MARK: - Time

  package var nextTimer: Duration? {
    mutating get {
      switch self.state {
      case .connecting(let deadline):
        return deadline
      case .open, .draining:
        return earlier(self.streams.nextTimer, self.ending.deadline)
      case .closed:
        return nil
      }
    }
  }

  package mutating func expireTimers(now: Duration) -> TimerResult {
    if case .connecting(let deadline?) = self.state, deadline <= now {
      let error = RPCError.handshakeTimedOut(after: self.configuration.handshakeTimeout)
      self.close(TunnelEnd(initiator: .local, error: error))
      return .closed
    }
    if let end = self.ending.expired(now: now) {
      self.close(end)
      return .closed
    }
    var changed: [StreamID] = []
    while let (id, error) = self.streams.popExpired(now: now) {
      self.abort(id, error)
      changed.append(id)
    }
    return .streams(changed)
  }
}
