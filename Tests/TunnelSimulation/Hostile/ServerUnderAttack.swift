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

/// A tunnel server whose client sends anything.
package struct ServerUnderAttack: EndUnderAttack {
  /// An RPC that the server has taken on, as its handler and its client know it.
  struct Stream {
    var requests: ExpectedMessages
    var hasHeaders = false
    var isHalfClosed = false
    var hasAnswered = false
    var isReleased = false
  }

  /// What can happen. Seeds of the corpus name these by their numbers.
  enum Event: CaseIterable {
    case newStream
    case message
    case data
    case halfClose
    case cancel
    case windowUpdate
    case nothing
    case rawBytes
    case read
    case writeHeaders
    case write
    case answer
    case abort
    case release
    case send
    case clock
    case connect
    case finishOutput
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
  var machine: TunnelServerStateMachine
  var wire: ServerWire
  var now = Duration.zero
  var streams: [StreamID: Stream] = [:]
  /// The ids that the client has used, the newest last.
  var ids: [StreamID] = []
  /// The ids that were taken on.
  var accepted: [StreamID] = []
  var hasFinishedOutput = false
  var hasFailedOutput = false

  var hasEndedOutput: Bool {
    self.hasFinishedOutput || self.hasFailedOutput
  }

  package init(choices: Choices) {
    var choices = choices
    self.configuration = choices.configuration()
    self.offered = choices.carrierHeaders()
    self.peer = choices.carrierHeaders()
    self.dials = choices.isOne(in: 2)
    self.machine = TunnelServerStateMachine(
      configuration: self.configuration,
      offered: self.offered
    )
    self.wire = ServerWire(configuration: self.configuration)
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
    case .newStream, .message, .data, .halfClose, .cancel, .windowUpdate, .nothing, .rawBytes:
      if let frame = self.frame(event) { try self.receive(frame) }
    case .read: try self.read()
    case .writeHeaders: self.writeHeaders()
    case .write: try self.write()
    case .answer: self.answer()
    case .abort: self.abort()
    case .release: self.release()
    case .send: try self.send()
    case .clock: try self.stepClock()
    case .connect: self.connect()
    case .finishOutput: self.finishOutput()
    case .drain: self.machine.beginDrain(now: self.now)
    case .close:
      // Seldom, for little is left to happen then.
      guard self.choices.isOne(in: 8) else { return }
      self.machine.close(TunnelEnd(initiator: .remote, error: nil))
    case .failOutput:
      guard self.choices.isOne(in: 4) else { return }
      self.failOutput()
    }
    self.forgetEnded()
  }

  private mutating func connect() {
    if self.dials { self.machine.startConnecting(now: self.now) }
    if self.choices.isOne(in: 8) { return }
    self.machine.carrierOpened(peer: self.peer)
    self.wire.opened(self.offered.agreed(with: self.peer))
  }

  // MARK: - The handlers

  /// Any stream, mostly one that was taken on.
  private mutating func anyStream() -> StreamID {
    self.choices.streamID(known: self.accepted)
  }

  private mutating func read() throws(Violation) {
    let id = self.anyStream()
    let isOpen = self.machine.streams.isOpen(id)
    let result = self.machine.read(id)
    guard var stream = self.streams[id], !stream.isReleased || isOpen else {
      guard case .end = result else { throw Violation("A stream gives more than there is") }
      return
    }
    switch result {
    case .part(.headers):
      try require(!stream.hasHeaders, "Headers come twice")
      stream.hasHeaders = true
    case .part(.message(let message)):
      try require(stream.hasHeaders, "A message comes before headers")
      try require(stream.requests.next() == Array(message), "A message is not the next one")
    case .end:
      try require(stream.hasHeaders, "The request ends before headers")
      try require(
        stream.hasAnswered || stream.isHalfClosed && !stream.requests.hasMessage,
        "The request ends though it is not complete"
      )
    case .failed:
      try require(self.machine.isAborted(id), "A request fails that was not aborted")
    case .wait:
      try require(
        isOpen && stream.hasHeaders && !stream.isHalfClosed && !stream.requests.hasMessage,
        "A reader waits for nothing"
      )
    }
    self.streams[id] = stream
  }

  private mutating func writeHeaders() {
    _ = self.machine.writeHeaders(self.choices.metadata(), to: self.anyStream())
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

  private mutating func answer() {
    let id = self.anyStream()
    let close = CloseStream(
      responseTrailers: self.choices.isOne(in: 2) ? nil : self.choices.metadata(),
      status: self.choices.status(codes: [0, 5, 14, 16])
    )
    let isTaken = if case .failed = self.machine.writeReadiness(of: id) { false } else { true }
    self.machine.close(id, with: close, now: self.now)
    if isTaken {
      self.streams[id]?.hasAnswered = true
      self.streams[id]?.requests.discard()
    }
  }

  private mutating func abort() {
    let message = self.choices.pick(["aborted", String(repeating: "m", count: 500)])
    self.machine.abort(self.anyStream(), RPCError(code: .dataLoss, message: message))
  }

  private mutating func release() {
    let id = self.anyStream()
    self.machine.release(id)
    self.streams[id]?.isReleased = true
  }

  // MARK: - The session

  private mutating func send() throws(Violation) {
    var frames: [ServerFrame] = []
    let size = self.choices.pick([100_000, 1, 100, 1000])
    _ = self.machine.takeFrames(into: &frames, maximumByteCount: size, now: self.now)
    for frame in frames {
      try self.wire.sent(frame)
      try requireSendable(frame, self.configuration)
      if case .windowUpdate(let increment) = frame.payload {
        self.streams[frame.streamID]?.requests.granted(increment)
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

  /// Forgets streams that have ended and were released, as the machine should.
  private mutating func forgetEnded() {
    self.streams = self.streams.filter {
      !$0.value.isReleased || self.machine.streams.isOpen($0.key)
    }
  }

  mutating func releaseAll() {
    for id in self.accepted { self.machine.release(id) }
    self.streams = [:]
  }
}
