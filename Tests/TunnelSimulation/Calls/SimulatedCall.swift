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

/// An RPC as the applications at both ends see it.
struct SimulatedCall: Sendable {
  /// Names the RPC; its messages differ from those of others.
  let number: Int
  let plan: CallPlan
  /// There once the RPC has started.
  var id: StreamID?
  var caller = CallerProgress()
  var handler = HandlerProgress()

  /// The client was told that no handler ran and none will.
  var isUnprocessed = false

  enum Direction: Int, Sendable {
    case request
    case response
  }

  /// The bytes of a message, which nobody else sends.
  func message(_ direction: Direction, _ index: Int) -> ArraySlice<UInt8> {
    let size = direction == .request ? self.plan.requests[index] : self.plan.responses[index]
    let start = self.number &* 151 &+ index &* 31 &+ direction.rawValue &* 97
    return ArraySlice((0 ..< size).map { UInt8(truncatingIfNeeded: start &+ $0 &* 7) })
  }

  static func metadata(ofSize size: Int) -> WireMetadata {
    size == 0 ? [:] : ["key": [String(repeating: "v", count: size)]]
  }
}

/// Whom of an RPC's application a machine told to wait.
struct Waits: Sendable {
  var reader = false
  var writer = false
}

/// How far the application at the tunnel client has come.
struct CallerProgress: Sendable {
  enum State: Sendable {
    case planned
    /// It waits for a place.
    case waiting
    case reserved
    case open(StreamID)
    case done(CallOutcome)
  }

  var state = State.planned
  var waits = Waits()
  var sentCount = 0
  var isHalfClosed = false
  var hasCancelled = false
  var hasHeaders = false
  var receivedCount = 0
  /// When the stream's deadline is.
  var deadline: Duration?
}

/// How an RPC ended for its caller.
enum CallOutcome: Sendable {
  case closed(CloseStream)
  case failed(RPCError)
  /// It was never started.
  case notStarted(RPCError)
  /// The caller did not wait for the end.
  case givenUp
}

/// How far the handler has come.
struct HandlerProgress: Sendable {
  enum State: Sendable {
    /// The request has not arrived, and perhaps never will.
    case unseen
    case running
    case returned
  }

  enum Answer: Sendable {
    case close(CloseStream)
    case error(RPCError)
  }

  var state = State.unseen
  var waits = Waits()
  var hasHeaders = false
  var receivedCount = 0
  var isRequestComplete = false
  var sentHeaders = false
  var sentCount = 0
  /// What the handler has said in the end.
  var answer: Answer?
  /// Why the handler cannot go on.
  var failure: RPCError?
  var deadline: Duration?
}
