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

/// One end of a tunnel: a state machine, driven as the library's sessions drive it.
struct SimulatedEnd<Machine: TunnelStateMachine, Wire: WireMonitor>: Sendable
where
  Wire.OutboundFrame == Machine.OutboundFrame,
  Wire.InboundFrame == Machine.InboundFrame
{
  typealias Pipe = SimulatedPipe<Machine.OutboundFrame>

  /// What an input may have changed, as in the library's sessions.
  enum Scope {
    case nothing
    case streams([StreamID])
    case tunnel
  }

  var machine: Machine
  var wire: Wire

  /// Whether this end has started the carrier.
  let dials: Bool

  /// Whether the carrier exists at this end.
  var hasCarrier = false

  /// Whether the sending direction has ended.
  private(set) var hasEndedOutput = false

  init(machine: Machine, wire: Wire, dials: Bool) {
    self.machine = machine
    self.wire = wire
    self.dials = dials
  }

  /// Sends what there is to send, up to a size, or the end.
  ///
  /// - Parameters:
  ///   - capacity: How many frames are on their way when the carrier takes no more.
  ///   - loss: Why the carrier was cut; nil while it was not.
  ///   - check: Called for each frame.
  /// - Returns: What changed; nil when there was nothing to do.
  mutating func pump(
    into pipe: inout Pipe,
    maximumByteCount: Int,
    capacity: Int,
    now: Duration,
    loss: RPCError?,
    choices: inout Choices,
    check: (Machine.OutboundFrame) throws(Violation) -> Void
  ) throws(Violation) -> Scope? {
    guard self.hasCarrier, !self.hasEndedOutput else { return nil }
    if self.machine.hasFrames {
      if let loss, choices.isOne(in: 2) {
        self.hasEndedOutput = true
        self.machine.outputFailed(TunnelEnd(initiator: .remote, error: loss), now: now)
        return .tunnel
      }
      guard pipe.frames.count < capacity else { return nil }
      var frames: [Machine.OutboundFrame] = []
      let drained = self.machine.takeFrames(
        into: &frames,
        maximumByteCount: maximumByteCount,
        now: now
      )
      for frame in frames {
        try self.wire.sent(frame)
        try check(frame)
      }
      pipe.send(frames)
      return .streams(drained)
    }
    guard let end = self.machine.outputEnd else { return nil }
    self.hasEndedOutput = true
    switch end {
    case .finished:
      pipe.finish()
      if self.dials {
        self.machine.outputFinished(now: now)
        return .nothing
      }
      self.machine.close(TunnelEnd(initiator: .local, error: nil))
      return .tunnel
    case .failed(let closure):
      if self.dials {
        // The carrier is cancelled: what is on its way may get lost.
        let error = RPCError(code: .cancelled, message: "The carrier was cancelled.")
        pipe.fail(error, keeping: choices.int(below: pipe.frames.count + 1))
      } else if closure.initiator == .local, let error = closure.error {
        pipe.fail(error, keeping: pipe.frames.count)
      } else {
        pipe.finish()
      }
      return .nothing
    }
  }

  /// Takes note of the end of what the peer sends.
  mutating func inboundEnded(_ end: SimulatedPipe<Machine.InboundFrame>.End) {
    switch end {
    case .finished: self.machine.close(TunnelEnd(initiator: .remote, error: nil))
    case .failed(let error): self.machine.close(TunnelEnd(initiator: .remote, error: error))
    }
  }

  /// Does what is due.
  mutating func expireTimers(now: Duration) throws(Violation) -> Scope? {
    guard let timer = self.machine.nextTimer, timer <= now else { return nil }
    let result = self.machine.expireTimers(now: now)
    if let next = self.machine.nextTimer {
      try require(next > now, "A timer is due again at once")
    }
    switch result {
    case .streams(let streams): return .streams(streams)
    case .closed: return .tunnel
    }
  }
}
