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

/// The tunnel client's end of one tunnel: starts streams and receives their responses.
package struct TunnelClientStateMachine: TunnelStateMachine {
  package typealias InboundFrame = ServerFrame

  /// What the peer's settings say, or what revision zero implies.
  struct Peer: Sendable {
    var revision: ProtocolRevision
    var initialWindowSize: UInt32
    var maximumConcurrentStreams: Int
  }

  enum State: Sendable {
    /// The carrier has not been started.
    case idle
    /// The peer's carrier headers have not arrived.
    case connecting(deadline: Duration)
    case awaitingSettings(deadline: Duration)
    case open(Peer)
    case closed(TunnelEnd)
  }

  let configuration: TunnelConfiguration
  private let offered: CarrierHeaders
  private var agreed: CarrierHeaders
  var state: State
  package var streams: StreamTable<ClientStreamStateMachine>
  private var reservationCount: Int
  /// The last id that was used, for a stream or a probe.
  package private(set) var lastStreamID: StreamID
  private var isDraining: Bool
  /// Once the peer drains: the last stream that it processes.
  var peerLastStreamID: StreamID?
  /// Whether the peer, which knows no extensions, has refused even a probe: it is shutting down.
  private var isPeerRefusing: Bool
  var liveness: LivenessTracker
  /// Until when the tunnel is not chosen, since its peer seems to be shutting down.
  private(set) var hintDeadline: Duration?
  private(set) var ending: TunnelEnding

  /// - Parameter offered: What this end says in the carrier's headers.
  package init(configuration: TunnelConfiguration, offered: CarrierHeaders) {
    self.configuration = configuration
    self.offered = offered
    self.agreed = CarrierHeaders(negotiates: false, extensions: [])
    self.state = .idle
    self.streams = StreamTable(configuration: configuration)
    self.reservationCount = 0
    self.lastStreamID = StreamID(rawValue: 0)
    self.isDraining = false
    self.isPeerRefusing = false
    self.liveness = LivenessTracker(
      interval: configuration.probeInterval,
      timeout: configuration.probeTimeout
    )
    self.ending = TunnelEnding(configuration: configuration)
  }

  // MARK: - The tunnel

  package var extensions: Set<TunnelExtension> {
    self.agreed.extensions
  }

  /// The tunnel's revision; nil until it is open.
  package var revision: ProtocolRevision? {
    switch self.state {
    case .open(let peer): peer.revision
    case .idle, .connecting, .awaitingSettings, .closed: nil
    }
  }

  package var agreement: TunnelAgreement? {
    self.revision.map { TunnelAgreement(revision: $0, extensions: self.extensions) }
  }

  package var drainInitiator: TunnelEnd.Initiator? {
    if self.isDraining { return .local }
    return self.isPeerDraining ? .remote : nil
  }

  package var closure: TunnelEnd? {
    switch self.state {
    case .closed(let closure): closure
    case .idle, .connecting, .awaitingSettings, .open: nil
    }
  }

  /// The carrier is being started: the peer has to answer within the handshake timeout.
  package mutating func startConnecting(now: Duration) {
    switch self.state {
    case .idle:
      self.state = .connecting(deadline: now + self.configuration.handshakeTimeout)
    case .connecting, .awaitingSettings, .open, .closed:
      ()
    }
  }

  /// The peer's carrier headers arrived.
  package mutating func carrierOpened(peer: CarrierHeaders) {
    switch self.state {
    case .connecting(let deadline):
      self.agreed = self.offered.agreed(with: peer)
      if self.agreed.negotiates {
        self.state = .awaitingSettings(deadline: deadline)
      } else {
        self.state = .open(
          Peer(revision: .zero, initialWindowSize: 0, maximumConcurrentStreams: .max)
        )
      }
    case .idle, .awaitingSettings, .open, .closed:
      ()
    }
  }

  /// Whether a stream can be started at once, and nothing speaks against this tunnel: the peer does
  /// not seem to be dead or shutting down.
  package var isReady: Bool {
    switch self.readiness {
    case .ready: true
    case .opening, .silent, .full, .suspended, .draining, .closing, .closed: false
    }
  }

  /// The streams that have not ended.
  package var activeStreamCount: Int {
    self.streams.openCount
  }

  /// Whether this end or the peer takes no more streams.
  package var isDrainingOrClosed: Bool {
    self.isDraining || self.isPeerDraining || self.closure != nil
      || self.ending.outputFailure != nil
  }

  /// Whether the peer takes no more streams.
  package var isPeerDraining: Bool {
    self.peerLastStreamID != nil || self.isPeerRefusing
  }

  /// Takes no more streams; the tunnel ends when those that are open have ended, or after the drain
  /// timeout.
  package mutating func beginDrain(now: Duration) {
    guard !self.isDraining else { return }
    self.isDraining = true
    self.ending.beginDrain(now: now)
    if case .open = self.state, self.extensions.contains(.drain) {
      // "No more streams": lets the peer replace the tunnel before it ends. To others than ours it
      // is one of the frames with a negative id that are ignored.
      self.streams.enqueue(.halfClose, for: .tunnel)
    }
  }

  package var outputEnd: OutputEnd? {
    switch self.state {
    case .closed(let closure):
      return .failed(closure)
    case .idle, .connecting, .awaitingSettings, .open:
      let isDone =
        self.isDraining && self.streams.openCount == 0 && self.reservationCount == 0
        && !self.streams.hasFrames
      return isDone ? .finished : nil
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

  // MARK: - Starting streams

  package mutating func reserveStream() -> ReserveResult {
    switch self.state {
    case .closed(let closure):
      return .failed(closure.streamError)
    case .idle, .connecting, .awaitingSettings, .open:
      ()
    }
    if self.isDraining {
      return .failed(
        RPCError(code: .failedPrecondition, message: "The tunnel is shutting down.")
      )
    }
    if let failure = self.ending.outputFailure {
      return .failed(failure.streamError)
    }
    if self.isPeerDraining {
      return .failed(.peerDrains)
    }
    switch self.state {
    case .open(let peer) where self.hasCapacity(peer):
      self.reservationCount += 1
      return .reserved
    case .idle, .open, .connecting, .awaitingSettings, .closed:
      return .wait
    }
  }

  /// Gives back a place for a stream that is not started.
  package mutating func cancelReservation() {
    self.reservationCount -= 1
  }

  func hasCapacity(_ peer: Peer) -> Bool {
    let limit = min(self.configuration.maximumConcurrentStreams, peer.maximumConcurrentStreams)
    // Streams that are started and cancelled while the carrier is stuck leave their frames behind.
    return self.streams.openCount + self.reservationCount < limit
      && !self.streams.hasTooManyControlFrames
  }

  /// Starts a stream on a reserved place: takes the next id and queues its first frame in one step,
  /// so that ids reach the wire in order. The place is used up whatever the result.
  ///
  /// - Parameters:
  ///   - headers: The request's metadata, without a deadline.
  ///   - timeout: The RPC's deadline, from now.
  ///   - maximumResponseSize: The largest message taken, in bytes; nil for the configured limit.
  /// - Throws: An error with which the RPC ends. When it is `unavailable`, another tunnel may take it.
  package mutating func open(
    method: String,
    headers: WireMetadata,
    timeout: Duration?,
    maximumResponseSize: Int? = nil,
    now: Duration
  ) throws(RPCError) -> StreamID {
    self.reservationCount -= 1
    let peer: Peer
    switch self.state {
    case .open(let open):
      peer = open
    case .closed(let closure):
      throw closure.streamError
    case .idle, .connecting, .awaitingSettings:
      throw RPCError(code: .internalError, message: "The tunnel is not open.")
    }
    // The place was taken before the peer said so. What it would ignore had better not be sent.
    if self.isPeerDraining { throw .peerDrains }
    if let timeout, timeout <= .zero {
      throw .deadlineExceeded
    }
    var headers = headers
    if let timeout {
      headers.set([RPCTimeout.encode(timeout)], forKey: RPCTimeout.key)
    }
    let size = headers.byteCount + method.utf8.count
    guard size <= self.configuration.maximumControlFrameSize else {
      throw RPCError(
        code: .resourceExhausted,
        message: """
          The request's metadata has \(size) bytes; a tunnel carries at most \
          \(self.configuration.maximumControlFrameSize).
          """
      )
    }
    guard let id = self.takeStreamID() else {
      throw RPCError(code: .unavailable, message: "The tunnel has used up its stream ids.")
    }
    let newStream = NewStream(
      // With the leading slash that the Go client sends, which every known server takes.
      methodName: "/" + method,
      requestHeaders: headers,
      initialWindowSize: self.configuration.initialWindowSize,
      protocolRevision: peer.revision
    )
    let stream = ClientStreamStateMachine(
      revision: peer.revision,
      peerWindowSize: peer.initialWindowSize,
      maximumMessageSize: maximumResponseSize ?? self.configuration.maximumMessageSize,
      configuration: self.configuration
    )
    self.streams.insert(stream, for: id, deadline: timeout.map { now + $0 })
    self.streams.enqueue(.newStream(newStream), for: id)
    return id
  }

  private mutating func takeStreamID() -> StreamID? {
    let (next, overflow) = self.lastStreamID.rawValue.addingReportingOverflow(1)
    guard !overflow else { return nil }
    let id = StreamID(rawValue: next)
    self.lastStreamID = id
    return id
  }

  // MARK: - The life of the peer

  package var figures: TunnelFigures {
    var figures = self.streams.figures
    figures.probeRoundTrip = self.liveness.roundTrip
    return figures
  }

  /// Asks the peer for a sign of life; the tunnel is closed if none comes in time. Does nothing while
  /// an earlier question waits, and where silence means nothing.
  package mutating func probe(now: Duration) {
    guard case .open(let peer) = self.state, self.watchesLiveness(of: peer),
      !self.liveness.isSilent, let id = self.takeStreamID()
    else { return }
    let newStream = NewStream(
      methodName: "/" + TunnelServerStateMachine.probeMethod,
      requestHeaders: nil,
      initialWindowSize: self.configuration.initialWindowSize,
      protocolRevision: peer.revision
    )
    // No half-close: it would end the tunnel of a Go peer that refuses the stream.
    self.streams.enqueue(.newStream(newStream), for: id)
    self.liveness.probeSent(on: id, now: now)
  }

  /// A peer without extensions has refused a stream as one does that is shutting down: that is a
  /// hint, for an application may say the same (PROTOCOL.md 8).
  mutating func peerSeemsToDrain(now: Duration) {
    guard self.hintDeadline == nil else { return }
    self.hintDeadline = now + self.configuration.drainHintDuration
    self.probe(now: now)
  }

  /// The answer to a probe says the same, which no application did; or it does not.
  mutating func probeAnswered(isRefusal: Bool) {
    guard self.hintDeadline != nil else { return }
    self.hintDeadline = nil
    self.isPeerRefusing = isRefusal
  }

  // MARK: - The application's side of a stream

  /// - Parameter now: Asked for only when it is needed.
  package mutating func write(
    _ message: ArraySlice<UInt8>,
    to id: StreamID,
    now: @autoclosure () -> Duration
  ) -> StreamWriteResult {
    self.streams.write(message, to: id, now: now)
  }

  package mutating func halfClose(_ id: StreamID) {
    _ = self.streams.update(id) { $0.halfClose() }
  }

  /// Ends a stream on this end's account: the peer is told, and reads and writes fail.
  package mutating func cancel(_ id: StreamID, error: RPCError) {
    if self.streams.fail(id, error) {
      self.streams.enqueue(.cancel, for: id)
    }
  }

  package mutating func abort(_ id: StreamID, _ error: RPCError) {
    self.cancel(id, error: error)
  }

  /// The application has done with a stream; one that has not ended is cancelled.
  package mutating func release(_ id: StreamID) {
    self.cancel(id, error: RPCError(code: .cancelled, message: "The RPC was cancelled."))
    self.streams.release(id)
  }

  /// Whether it is certain that no handler ran for a stream and none will (PROTOCOL.md 10).
  package func isUnprocessed(_ id: StreamID) -> Bool {
    self.streams[id]?.isUnprocessed ?? false
  }

  // MARK: - Time

  package var nextTimer: Duration? {
    mutating get {
      switch self.state {
      case .connecting(let deadline), .awaitingSettings(let deadline):
        return earlier(deadline, self.ending.deadline)
      case .open(let peer):
        let liveness = self.watchesLiveness(of: peer) ? self.liveness.nextTimer : nil
        return earlier(
          earlier(self.streams.nextTimer, liveness),
          earlier(self.ending.deadline, self.hintDeadline)
        )
      case .idle, .closed:
        return nil
      }
    }
  }

  package mutating func expireTimers(now: Duration) -> TimerResult {
    switch self.state {
    case .connecting(let deadline) where deadline <= now,
      .awaitingSettings(let deadline) where deadline <= now:
      let error = RPCError.handshakeTimedOut(after: self.configuration.handshakeTimeout)
      self.close(TunnelEnd(initiator: .local, error: error))
      return .closed
    case .idle, .connecting, .awaitingSettings, .open, .closed:
      ()
    }
    if let end = self.ending.expired(now: now) {
      self.close(end)
      return .closed
    }
    if let deadline = self.hintDeadline, deadline <= now {
      self.hintDeadline = nil
    }
    switch self.dueLiveness(now: now) {
    case .nothing:
      ()
    case .probe:
      self.probe(now: now)
    case .dead:
      let error = RPCError.silent(for: self.configuration.probeTimeout)
      self.close(TunnelEnd(initiator: .local, error: error))
      return .closed
    }
    var changed: [StreamID] = []
    while let (id, error) = self.streams.popExpired(now: now) {
      self.cancel(id, error: error)
      changed.append(id)
    }
    return .streams(changed)
  }

  private func dueLiveness(now: Duration) -> LivenessTracker.Due {
    guard case .open(let peer) = self.state, self.watchesLiveness(of: peer) else { return .nothing }
    return self.liveness.due(now: now)
  }

  /// Whether the peer's silence means anything. At revision zero one stream that nobody reads silences
  /// a healthy peer; and once sending has ended, nothing can be asked, and no answer counts.
  private func watchesLiveness(of peer: Peer) -> Bool {
    peer.revision.usesFlowControl && !self.ending.isOutputFinished
      && self.ending.outputFailure == nil
  }
}
