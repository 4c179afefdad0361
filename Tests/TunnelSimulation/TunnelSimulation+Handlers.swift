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
  /// The server has taken on an RPC.
  mutating func accept(_ accepted: AcceptedStream) throws(Violation) {
    guard let number = self.numbers[accepted.id] else {
      throw Violation("The server took on stream \(accepted.id), which nobody started")
    }
    self.note("RPC accepted", "\(number)")
    let call = self.calls[number]
    guard case .unseen = call.handler.state else {
      throw Violation("RPC \(number) was taken on twice")
    }
    try require(!call.isUnprocessed, "RPC \(number), told to be unprocessed, was taken on")
    if let drain = self.server.wire.drain {
      try require(accepted.id <= drain.lastStreamID, "The server broke its drain's promise")
    }
    self.calls[number].handler.state = .running
    self.calls[number].handler.deadline = call.plan.timeout
      .flatMap { RPCTimeout.decode(RPCTimeout.encode($0)) }.map { self.now + $0 }
  }

  /// Lets the handler of an RPC do one thing.
  mutating func stepHandler(_ number: Int) throws(Violation) {
    guard case .running = self.calls[number].handler.state,
      let id = self.calls[number].id
    else { return }
    if self.calls[number].handler.answer != nil {
      return try self.releaseServer(number, id)
    }
    if self.calls[number].handler.failure != nil || self.server.machine.isAborted(id) {
      return try self.stepAborted(number, id)
    }
    if self.calls[number].plan.ending == .abort, self.isSettling || self.choices.isOne(in: 10) {
      let error = RPCError(code: .dataLoss, message: "The handler has failed.")
      self.calls[number].handler.answer = .error(error)
      self.note("handler aborts", "\(number)")
      self.server.machine.abort(id, error)
      return self.serverChanged(.streams([id]))
    }
    if self.isSettling || self.choices.isOne(in: 2) { try self.readRequest(number, id) }
    if self.isSettling || self.choices.isOne(in: 2) { try self.writeResponse(number, id) }
  }

  /// The RPC has ended without the handler's doing.
  private mutating func stepAborted(_ number: Int, _ id: StreamID) throws(Violation) {
    if self.calls[number].handler.failure != nil {
      return try self.releaseServer(number, id)
    }
    switch self.server.machine.read(id) {
    case .part(.headers):
      try require(!self.calls[number].handler.hasHeaders, "A handler got headers twice")
      self.calls[number].handler.hasHeaders = true
    case .failed(let error):
      try self.judge(number, id, aborted: error)
      self.calls[number].handler.failure = error
      self.note("handler aborted: \(error.code)", "\(number)")
    case .part(.message), .end, .wait:
      throw Violation("The handler of RPC \(number) does not learn that the RPC was aborted")
    }
    self.progress += 1
  }

  private mutating func releaseServer(_ number: Int, _ id: StreamID) throws(Violation) {
    self.calls[number].handler.state = .returned
    self.server.machine.release(id)
    self.progress += 1
    self.serverChanged(.streams([id]))
  }

  // MARK: - Requests

  private mutating func readRequest(_ number: Int, _ id: StreamID) throws(Violation) {
    let call = self.calls[number]
    guard !call.handler.waits.reader, !call.handler.isRequestComplete else { return }
    switch self.server.machine.read(id) {
    case .part(.headers(var headers)):
      try require(!call.handler.hasHeaders, "The handler of RPC \(number) got headers twice")
      headers.set([], forKey: RPCTimeout.key)
      var expected = SimulatedCall.metadata(ofSize: call.plan.requestHeaders)
      expected.set([], forKey: RPCTimeout.key)
      try require(headers == expected, "The handler of RPC \(number) got strange headers")
      self.calls[number].handler.hasHeaders = true
      self.progress += 1
    case .part(.message(let message)):
      try require(call.handler.hasHeaders, "A handler got a message before headers")
      try require(
        call.handler.receivedCount < call.caller.sentCount
          && message == call.message(.request, call.handler.receivedCount),
        "The handler of RPC \(number) got a request that is not the next one"
      )
      self.calls[number].handler.receivedCount += 1
      self.countMessage()
    case .end:
      try require(
        call.caller.isHalfClosed && call.handler.receivedCount == call.plan.requests.count,
        "The handler of RPC \(number) got the end of a request that is not complete"
      )
      self.calls[number].handler.isRequestComplete = true
      self.progress += 1
    case .failed(let error):
      throw Violation("A stream that was not aborted fails: \(error)")
    case .wait:
      try require(
        self.server.machine.streams.isOpen(id),
        "The handler of RPC \(number) waits for nothing"
      )
      self.calls[number].handler.waits.reader = true
    }
  }

  // MARK: - Responses

  private mutating func writeResponse(_ number: Int, _ id: StreamID) throws(Violation) {
    let call = self.calls[number]
    guard !call.handler.waits.writer else { return }
    switch self.server.machine.writeReadiness(of: id) {
    case .wait:
      self.calls[number].handler.waits.writer = true
    case .failed(let error):
      try require(self.server.machine.isAborted(id), "An open stream takes nothing: \(error)")
    case .ready:
      if let size = call.plan.responseHeaders, !call.handler.sentHeaders {
        self.writeHeaders(number, id, size)
      } else if call.handler.sentCount < call.plan.responses.count {
        try self.writeMessage(number, id)
      } else if call.handler.isRequestComplete || call.plan.ending == .early {
        try self.answer(number, id)
      }
    }
  }

  private mutating func writeHeaders(_ number: Int, _ id: StreamID, _ size: Int) {
    self.calls[number].handler.sentHeaders = true
    _ = self.server.machine.writeHeaders(SimulatedCall.metadata(ofSize: size), to: id)
    self.progress += 1
    self.serverChanged(.streams([id]))
  }

  private mutating func writeMessage(_ number: Int, _ id: StreamID) throws(Violation) {
    let message = self.calls[number].message(.response, self.calls[number].handler.sentCount)
    switch self.server.machine.write(message, to: id, now: self.now) {
    case .written, .writtenThenWait:
      self.server.wire.wrote(message, to: id)
      self.calls[number].handler.sentCount += 1
      self.progress += 1
      self.serverChanged(.nothing)
    case .failed(let error):
      throw Violation("A stream that was ready took no message: \(error)")
    }
  }

  private mutating func answer(_ number: Int, _ id: StreamID) throws(Violation) {
    let plan = self.calls[number].plan
    if plan.ending == .silence {
      return try self.releaseServer(number, id)
    }
    let code = plan.ending == .error ? RPCError.Code.notFound.rawValue : 0
    let trailers = SimulatedCall.metadata(ofSize: plan.trailers)
    let close = CloseStream(
      responseTrailers: trailers.isEmpty ? nil : trailers,
      status: WireStatus(code: Int32(code), message: "RPC \(number)")
    )
    self.calls[number].handler.answer = .close(close)
    self.note("handler answers", "\(number)")
    self.server.machine.close(id, with: close, now: self.now)
    self.serverChanged(.streams([id]))
  }
}
