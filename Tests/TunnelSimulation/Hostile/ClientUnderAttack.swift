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

/// A tunnel client whose server sends anything.
package struct ClientUnderAttack: EndUnderAttack {
  /// An RPC as its caller knows it.
  struct Stream {
    var responses: ExpectedMessages
    /// Whether anything of a response arrived.
    var isTouched = false
    var hasHeaders = false
    var hasMessages = false
    var isClosedByPeer = false
    /// Whether the caller has got the end.
    var hasEnd = false
    var isReleased = false
  }

  /// What can happen. Seeds of the corpus name these by their numbers.
  enum Event: CaseIterable {
    case headers
    case message
    case data
    case closeStream
    case settings
    case windowUpdate
    case drainFrame
    case nothing
    case rawBytes
    case open
    case read
    case write
    case halfClose
    case cancel
    case release
    case send
    case clock
    case connect
    case finishOutput
    case reserve
    case probe
    case drain
    case close
    case failOutput
  }

  var choices: Choices
  let configuration: TunnelConfiguration
  let offered: CarrierHeaders
  let peer: CarrierHeaders
  /// Whether this end has started the carrier.
  let dials: Bool
  var machine: TunnelClientStateMachine
  var wire: ClientWire
  var now = Duration.zero
  var streams: [StreamID: Stream] = [:]
  /// The ids of streams, the newest last; probes have others.
  var ids: [StreamID] = []
  var reservationCount = 0
  var hasFinishedOutput = false
  var hasFailedOutput = false
  var hasCarrierHeaders = false

  package init(choices: Choices) {
    var choices = choices
    var configuration = choices.configuration()
    configuration.probeInterval = choices.pick([.seconds(30), nil])
    self.configuration = configuration
    self.offered = choices.carrierHeaders()
    self.peer = choices.carrierHeaders()
    self.dials = choices.isOne(in: 2)
    self.machine = TunnelClientStateMachine(configuration: configuration, offered: self.offered)
    self.wire = ClientWire(configuration: configuration)
    let isConnected = !choices.isOne(in: 8)
    self.choices = choices
    if isConnected { self.connect() }
  }

  /// Goes on until the choices are used up, or for so many steps.
  package mutating func run(maximumSteps: Int = 2000) throws(Violation) {
    try self.runToEnd(maximumSteps: maximumSteps)
  }

  mutating func step() throws(Violation) {
    let event = self.choices.pick(Event.allCases)
    switch event {
    case .headers, .message, .data, .closeStream, .settings, .windowUpdate, .drainFrame, .nothing,
      .rawBytes:
      if let frame = self.frame(event) { try self.receive(frame) }
    case .open: try self.open()
    case .read: try self.read()
    case .write: try self.write()
    case .halfClose: self.machine.halfClose(self.anyStream())
    case .cancel: self.cancel()
    case .release: self.release()
    case .send: try self.send()
    case .clock: try self.stepClock()
    case .connect: self.connect()
    case .finishOutput: self.finishOutput()
    case .reserve: try self.reserve()
    case .probe: self.machine.probe(now: self.now)
    case .drain: self.machine.beginDrain(now: self.now)
    case .close:
      // Seldom, for little is left to happen then.
      guard self.choices.isOne(in: 8) else { return }
      self.machine.close(TunnelEnd(initiator: .remote, error: nil))
    case .failOutput:
      guard self.choices.isOne(in: 4) else { return }
      self.failOutput()
    }
    self.forgetReleased()
  }

  private mutating func connect() {
    self.machine.startConnecting(now: self.now)
    if self.choices.isOne(in: 8) { return }
    self.machine.carrierOpened(peer: self.peer)
    self.hasCarrierHeaders = true
    if let agreement = self.machine.agreement, self.wire.revision == nil {
      self.wire.opened(agreement, settings: nil)
    }
  }

  // MARK: - The callers

  private mutating func anyStream() -> StreamID {
    self.choices.streamID(known: self.ids)
  }

  /// Takes a place, or gives one back.
  private mutating func reserve() throws(Violation) {
    if self.reservationCount > 0, self.choices.isOne(in: 2) {
      self.reservationCount -= 1
      return self.machine.cancelReservation()
    }
    let isReady = self.machine.isReady
    switch self.machine.reserveStream() {
    case .reserved:
      self.reservationCount += 1
      try require(
        self.machine.activeStreamCount + self.reservationCount
          <= self.configuration.maximumConcurrentStreams,
        "More places are given than there are"
      )
    case .wait, .failed:
      try require(!isReady, "A tunnel that is ready gives no place")
    }
  }

  private mutating func open() throws(Violation) {
    if self.reservationCount == 0 { try self.reserve() }
    guard self.reservationCount > 0 else { return }
    self.reservationCount -= 1
    let limit = self.choices.pick([nil, nil, 50])
    do throws(RPCError) {
      let id = try self.machine.open(
        method: self.choices.pick(["a/b", "", String(repeating: "m", count: 500)]),
        headers: self.choices.metadata(),
        timeout: self.choices.pick([nil, .seconds(1), .zero, .seconds(1_000_000_000)]),
        maximumResponseSize: limit,
        now: self.now
      )
      self.ids.append(id)
      self.wire.started(id)
      self.streams[id] = Stream(
        responses: ExpectedMessages(
          maximumMessageSize: limit ?? self.configuration.maximumMessageSize,
          revision: self.machine.revision ?? .zero,
          configuration: self.configuration
        )
      )
    } catch {
      // The place is used up.
    }
  }

  private mutating func read() throws(Violation) {
    let id = self.anyStream()
    let isOpen = self.machine.streams.isOpen(id)
    let result = self.machine.read(id)
    guard var stream = self.streams[id] else {
      guard case .end = result else { throw Violation("A stream gives more than there is") }
      return
    }
    if stream.hasEnd {
      switch result {
      case .end, .failed: return
      case .part, .wait: throw Violation("A stream goes on behind its end")
      }
    }
    switch result {
    case .part(.headers):
      try require(!stream.hasHeaders, "Headers come twice")
      stream.hasHeaders = true
    case .part(.message(let message)):
      try require(stream.hasHeaders, "A message comes before headers")
      try require(stream.responses.next() == Array(message), "A message is not the next one")
    case .part(.close(let close)):
      let isOK = close.status?.code ?? 0 == 0
      try require(!isOpen, "An open stream has an end")
      try require(!isOK || stream.hasHeaders, "OK comes without headers")
      try require(
        !stream.isClosedByPeer || !stream.responses.hasMessage,
        "The end overtakes messages"
      )
      try require(
        !self.machine.isUnprocessed(id) || !stream.isTouched,
        "A stream with a response is called unprocessed"
      )
      stream.hasEnd = true
    case .failed:
      try require(!isOpen, "An open stream fails")
      stream.hasEnd = true
    case .end:
      throw Violation("A stream ends without a status")
    case .wait:
      try require(
        isOpen && !stream.responses.hasMessage && (stream.hasHeaders || !stream.isTouched),
        "A reader waits for nothing"
      )
    }
    self.streams[id] = stream
  }

  private mutating func write() throws(Violation) {
    let id = self.anyStream()
    guard case .ready = self.machine.writeReadiness(of: id) else { return }
    let message = self.choices.data()
    switch self.machine.write(message, to: id, now: self.now) {
    case .written, .writtenThenWait: self.wire.wrote(message, to: id)
    case .failed(let error): throw Violation("A stream that was ready takes nothing: \(error)")
    }
  }

  private mutating func cancel() {
    self.machine.cancel(self.anyStream(), error: RPCError(code: .cancelled, message: "cancelled"))
  }

  private mutating func release() {
    let id = self.anyStream()
    self.machine.release(id)
    self.streams[id]?.isReleased = true
  }

  // MARK: - The session

  private mutating func send() throws(Violation) {
    var frames: [ClientFrame] = []
    let size = self.choices.pick([100_000, 1, 100, 1000])
    _ = self.machine.takeFrames(into: &frames, maximumByteCount: size, now: self.now)
    for frame in frames {
      try self.wire.sent(frame)
      try requireSendable(frame, self.configuration)
      if case .windowUpdate(let increment) = frame.payload {
        self.streams[frame.streamID]?.responses.granted(increment)
      }
    }
  }

  private mutating func finishOutput() {
    guard !self.hasFinishedOutput, !self.hasFailedOutput, !self.machine.hasFrames,
      case .finished = self.machine.outputEnd
    else { return }
    self.hasFinishedOutput = true
    if self.dials {
      self.machine.outputFinished(now: self.now)
    } else {
      self.machine.close(TunnelEnd(initiator: .local, error: nil))
    }
  }

  /// The carrier takes no more frames.
  private mutating func failOutput() {
    guard self.machine.hasFrames else { return }
    self.hasFailedOutput = true
    let error = RPCError(code: .unavailable, message: "cannot write")
    self.machine.outputFailed(TunnelEnd(initiator: .remote, error: error), now: self.now)
  }

  // MARK: - What is held

  var heldCount: Int {
    self.streams.count
  }

  /// Forgets streams that were released, as the machine should.
  private mutating func forgetReleased() {
    self.streams = self.streams.filter { !$0.value.isReleased }
  }

  mutating func releaseAll() {
    for id in self.ids { self.machine.release(id) }
    self.streams = [:]
    for _ in 0 ..< self.reservationCount { self.machine.cancelReservation() }
    self.reservationCount = 0
  }
}
