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

extension TunnelSimulation {
  /// Lets the caller of an RPC do one thing.
  mutating func stepCaller(_ number: Int) throws(Violation) {
    switch self.calls[number].caller.state {
    case .planned:
      self.askForPlace(number)
    case .waiting:
      guard self.scenario.cancelsCalls, !self.isSettling, self.choices.isOne(in: 20) else { return }
      self.places.removeAll { $0 == number }
      self.finish(number, .givenUp)
    case .reserved:
      if self.scenario.cancelsCalls, self.choices.isOne(in: 10) {
        self.client.machine.cancelReservation()
        self.finish(number, .givenUp)
        self.clientChanged(.nothing)
      } else {
        self.open(number)
      }
    case .open(let id):
      if try self.giveUp(number, id) { return }
      if self.isSettling || self.choices.isOne(in: 2) { try self.writeRequest(number, id) }
      if self.isSettling || self.choices.isOne(in: 2) { try self.readResponse(number, id) }
    case .done:
      ()
    }
  }

  private mutating func finish(_ number: Int, _ outcome: CallOutcome) {
    self.calls[number].caller.state = .done(outcome)
    self.note(outcome.name, "RPC \(number): \(outcome)")
  }

  private mutating func askForPlace(_ number: Int) {
    self.countCall()
    // Nobody overtakes those who wait already.
    if !self.places.isEmpty, self.client.machine.closure == nil {
      self.calls[number].caller.state = .waiting
      self.places.append(number)
      self.note("RPC waits for a place", "\(number)")
      return
    }
    switch self.client.machine.reserveStream() {
    case .reserved:
      self.calls[number].caller.state = .reserved
      self.progress += 1
    case .failed(let error):
      self.finish(number, .notStarted(error))
    case .wait:
      self.calls[number].caller.state = .waiting
      self.places.append(number)
      self.note("RPC waits for a place", "\(number)")
    }
  }

  private mutating func open(_ number: Int) {
    let plan = self.calls[number].plan
    do throws(RPCError) {
      let id = try self.client.machine.open(
        method: "service/method",
        headers: SimulatedCall.metadata(ofSize: plan.requestHeaders),
        timeout: plan.timeout,
        maximumResponseSize: plan.maximumResponseSize,
        now: self.now
      )
      self.client.wire.started(id)
      self.numbers[id] = number
      self.calls[number].id = id
      self.calls[number].caller.state = .open(id)
      self.calls[number].caller.deadline = plan.timeout.map { self.now + $0 }
      self.note("RPC started", "\(number) as \(id)")
    } catch {
      self.finish(number, .notStarted(error))
    }
    self.clientChanged(.nothing)
  }

  /// - Returns: Whether the caller has nothing more to do with the RPC.
  private mutating func giveUp(_ number: Int, _ id: StreamID) throws(Violation) -> Bool {
    guard self.calls[number].plan.ending == .cancel, !self.calls[number].caller.hasCancelled,
      self.isSettling || self.choices.isOne(in: 10)
    else { return false }
    self.calls[number].caller.hasCancelled = true
    if self.choices.isOne(in: 2) {
      self.note("RPC cancelled", "\(number)")
      let error = RPCError(code: .cancelled, message: "The caller has cancelled.")
      self.client.machine.cancel(id, error: error)
      self.clientChanged(.streams([id]))
      return false
    }
    self.finish(number, .givenUp)
    try self.releaseClient(id)
    return true
  }

  private mutating func releaseClient(_ id: StreamID) throws(Violation) {
    self.client.machine.release(id)
    try require(self.client.machine.streams[id] == nil, "A released stream is still there")
    self.clientChanged(.streams([id]))
  }

  // MARK: - Requests

  private mutating func writeRequest(_ number: Int, _ id: StreamID) throws(Violation) {
    let call = self.calls[number]
    guard !call.caller.waits.writer, !call.caller.isHalfClosed else { return }
    switch self.client.machine.writeReadiness(of: id) {
    case .wait:
      self.calls[number].caller.waits.writer = true
      return
    case .failed:
      return try require(!self.client.machine.streams.isOpen(id), "An open stream takes nothing")
    case .ready:
      ()
    }
    guard call.caller.sentCount < call.plan.requests.count else {
      self.client.machine.halfClose(id)
      self.calls[number].caller.isHalfClosed = true
      self.progress += 1
      return self.clientChanged(.nothing)
    }
    let message = call.message(.request, call.caller.sentCount)
    switch self.client.machine.write(message, to: id, now: self.now) {
    case .written, .writtenThenWait:
      self.client.wire.wrote(message, to: id)
      self.calls[number].caller.sentCount += 1
      self.progress += 1
    case .failed(let error):
      throw Violation("A stream that was ready took no message: \(error)")
    }
    self.clientChanged(.nothing)
  }

  // MARK: - Responses

  private mutating func readResponse(_ number: Int, _ id: StreamID) throws(Violation) {
    let call = self.calls[number]
    guard !call.caller.waits.reader else { return }
    switch self.client.machine.read(id) {
    case .part(.headers(let headers)):
      try require(
        !call.caller.hasHeaders && call.caller.receivedCount == 0,
        "RPC \(number) got headers twice, or late"
      )
      let size = call.plan.responseHeaders ?? 0
      try require(
        headers.isEmpty || headers == SimulatedCall.metadata(ofSize: size),
        "RPC \(number) got headers that nobody sent"
      )
      self.calls[number].caller.hasHeaders = true
      self.progress += 1
    case .part(.message(let message)):
      try require(call.caller.hasHeaders, "RPC \(number) got a message before headers")
      try require(
        call.caller.receivedCount < call.handler.sentCount
          && message == call.message(.response, call.caller.receivedCount),
        "RPC \(number) got a response that is not the next one"
      )
      self.calls[number].caller.receivedCount += 1
      self.countMessage()
    case .part(.close(let close)):
      try self.judge(number, closed: close)
      guard case .end = self.client.machine.read(id) else {
        throw Violation("RPC \(number) goes on behind its end")
      }
      self.finish(number, .closed(close))
      try self.releaseClient(id)
    case .failed(let error):
      try self.judge(number, failed: error)
      guard case .failed = self.client.machine.read(id) else {
        throw Violation("RPC \(number) goes on behind its failure")
      }
      self.finish(number, .failed(error))
      try self.releaseClient(id)
    case .end:
      throw Violation("RPC \(number) ended without a status")
    case .wait:
      try require(
        self.client.machine.streams.isOpen(id),
        "The caller of RPC \(number) waits for nothing"
      )
      self.calls[number].caller.waits.reader = true
    }
    self.clientChanged(.nothing)
  }
}

extension CallOutcome {
  /// Its kind, for reports.
  fileprivate var name: String {
    switch self {
    case .closed(let close) where close.unprocessed: "RPC ended unprocessed"
    case .closed(let close): "RPC closed with status \(close.status?.code ?? 0)"
    case .failed(let error): "RPC failed: \(error.code)"
    case .notStarted(let error): "RPC not started: \(error.code)"
    case .givenUp: "RPC given up"
    }
  }
}
