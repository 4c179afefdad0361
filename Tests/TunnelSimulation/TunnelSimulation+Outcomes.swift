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

/// What an end of an RPC is allowed to be. Everything else is a wrong answer, or a lost one.
extension TunnelSimulation {
  /// At revision zero, a stream that nobody reads for long is ended.
  private var canStall: Bool {
    self.scenario.movesClock && self.client.wire.revision != .one
  }

  mutating func judge(_ number: Int, closed close: CloseStream) throws(Violation) {
    let call = self.calls[number]
    if let id = call.id, self.client.machine.isUnprocessed(id) {
      self.calls[number].isUnprocessed = true
      try require(
        call.caller.receivedCount == 0 && !call.caller.hasHeaders,
        "RPC \(number) has a response, and is unprocessed"
      )
      return try self.requireUnseen(call)
    }
    let code = Status.Code(rawValue: Int(close.status?.code ?? 0))
    if case .unseen = call.handler.state {
      // Refused by a server that cannot say so. The server has spoken: no handler may run later.
      self.calls[number].isUnprocessed = true
      return try require(
        code == .unavailable || code == .resourceExhausted && call.plan.exceedsLimits,
        "RPC \(number) has an answer from nobody: \(close)"
      )
    }
    switch call.handler.answer {
    case .close(close):
      return try require(
        call.caller.receivedCount == call.handler.sentCount,
        "RPC \(number) ended without all of its responses"
      )
    case .error(let error) where Status.Code(error.code) == code:
      return
    case .close, .error, .none:
      ()
    }
    switch code {
    case .deadlineExceeded:
      try require(
        call.handler.deadline.map { $0 <= self.now } ?? false,
        "RPC \(number) ended before its deadline"
      )
    case .resourceExhausted:
      try require(
        call.plan.exceedsLimits || self.canStall,
        "RPC \(number) met a limit: \(close)"
      )
    case .internalError:
      try require(call.plan.ending == .silence, "RPC \(number) has a wrong answer: \(close)")
    default:
      throw Violation("RPC \(number) has a wrong answer: \(close)")
    }
  }

  func judge(_ number: Int, failed error: RPCError) throws(Violation) {
    let call = self.calls[number]
    switch error.code {
    case .deadlineExceeded:
      try require(
        call.caller.deadline.map { $0 <= self.now } ?? false,
        "RPC \(number) failed before its deadline"
      )
    case .cancelled:
      try require(call.caller.hasCancelled, "RPC \(number) was cancelled by nobody")
    case .unavailable:
      try require(
        self.client.machine.closure?.streamError == error,
        "RPC \(number) was lost in a tunnel that lives"
      )
    case .resourceExhausted:
      try require(
        call.plan.exceedsLimits || self.canStall,
        "RPC \(number) met a limit: \(error)"
      )
    default:
      throw Violation("RPC \(number) failed strangely: \(error)")
    }
  }

  func judge(_ number: Int, notStarted error: RPCError) throws(Violation) {
    switch error.code {
    case .failedPrecondition:
      try require(
        self.client.machine.drainInitiator == .local,
        "RPC \(number) found that the client drains, which it does not"
      )
    case .unavailable:
      try require(
        self.client.machine.isPeerDraining || self.client.machine.closure?.streamError == error
          // The client has learned of the cut while it sent, and not yet while it received.
          || self.carrier.error != nil,
        "RPC \(number) found a closed tunnel that lives"
      )
    case .resourceExhausted:
      try require(self.calls[number].plan.exceedsLimits, "RPC \(number) met a limit: \(error)")
    default:
      throw Violation("RPC \(number) could not be started: \(error)")
    }
  }

  func judge(
    _ number: Int,
    _ id: StreamID,
    aborted error: RPCError
  ) throws(Violation) {
    let call = self.calls[number]
    switch error.code {
    case .cancelled:
      try require(
        self.client.machine.streams[id]?.isFinished ?? true,
        "The handler of RPC \(number) was cancelled by nobody"
      )
    case .deadlineExceeded:
      try require(
        call.handler.deadline.map { $0 <= self.now } ?? false,
        "The handler of RPC \(number) was aborted before its deadline"
      )
    case .unavailable:
      try require(
        self.server.machine.closure?.streamError == error,
        "The handler of RPC \(number) lost a tunnel that lives"
      )
    case .resourceExhausted:
      try require(
        call.plan.exceedsLimits || self.canStall,
        "The handler of RPC \(number) met a limit: \(error)"
      )
    default:
      throw Violation("The handler of RPC \(number) was aborted strangely: \(error)")
    }
  }

  private func requireUnseen(_ call: SimulatedCall) throws(Violation) {
    guard case .unseen = call.handler.state else {
      throw Violation("RPC \(call.number) is unprocessed, and a handler ran")
    }
  }
}
