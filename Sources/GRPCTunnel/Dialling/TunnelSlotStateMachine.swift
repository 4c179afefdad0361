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

/// Keeps one tunnel up: decides when to dial, from what becomes of the tunnels dialled so far.
///
/// A tunnel that the peer drains is replaced at once, and may go on beside its replacement until its
/// RPCs have ended. So a slot can have several tunnels, of which the newest counts.
///
/// Time and randomness are passed in. Ask for ``nextStep(now:)`` after every input.
struct TunnelSlotStateMachine: Sendable {
  /// One tunnel that was dialled; a later one has a higher number.
  struct Attempt: Hashable, Sendable {
    var number: Int
  }

  private enum State: Sendable {
    case idle
    /// Dials as soon as it is asked.
    case due
    case connecting(Attempt)
    case ready(Attempt, since: Duration, tunnel: TunnelInformation)
    case backingOff(until: Duration, TunnelError)
    /// With the tunnel that is being opened, if any.
    case draining(Attempt?)
    /// With the end of the last tunnel, unless it was drained as asked.
    case stopped(TunnelEnd?)
  }

  private let policy: TunnelReconnectPolicy?
  private var state: State
  /// The tunnels that have not ended.
  private var live: Set<Attempt>
  private var lastAttempt: Attempt
  /// How many tunnels in a row were not opened, or went away before they had been open for long.
  private(set) var failures: Int
  /// Why there is no tunnel; nil when there is one, or was none yet.
  private var lastEnd: TunnelEnd?
  /// The tunnel that was open before the one that is.
  private var previousTunnel: TunnelID?

  /// - Parameter policy: nil when nothing is dialled again.
  init(policy: TunnelReconnectPolicy?) {
    self.policy = policy
    self.state = .idle
    self.live = []
    self.lastAttempt = Attempt(number: 0)
    self.failures = 0
  }

  // MARK: - What to do

  enum Step: Hashable, Sendable {
    case dial(Attempt)
    /// Nothing, until an input or this time.
    case wait(until: Duration?)
    /// There is nothing more to do.
    case finish
  }

  mutating func nextStep(now: Duration) -> Step {
    switch self.state {
    case .idle, .due:
      return self.dial()
    case .backingOff(let time, _):
      return time <= now ? self.dial() : .wait(until: time)
    case .connecting, .ready, .draining:
      return .wait(until: nil)
    case .stopped:
      return self.live.isEmpty ? .finish : .wait(until: nil)
    }
  }

  private mutating func dial() -> Step {
    self.lastAttempt.number += 1
    self.live.insert(self.lastAttempt)
    self.state = .connecting(self.lastAttempt)
    return .dial(self.lastAttempt)
  }

  // MARK: - What becomes of tunnels

  /// The tunnel is open.
  mutating func opened(_ attempt: Attempt, _ tunnel: TunnelInformation, now: Duration) {
    switch self.state {
    case .connecting(attempt):
      self.lastEnd = nil
      self.state = .ready(attempt, since: now, tunnel: tunnel)
    case .draining(attempt):
      self.state = .draining(nil)
    case .idle, .due, .connecting, .ready, .backingOff, .draining, .stopped:
      ()
    }
  }

  /// The peer lets the tunnel end. Another one is dialled, and at once: after a wait only when the
  /// last ones went away so soon that this might never end.
  ///
  /// - Parameter random: From 0 up to, but not including, 1.
  mutating func peerDrains(_ attempt: Attempt, now: Duration, random: Double) {
    guard case .ready(attempt, let since, let tunnel) = self.state, let policy = self.policy else {
      return
    }
    self.previousTunnel = tunnel.id
    let isStable = now - since >= policy.backoff.resetAfter
    if isStable { self.failures = 0 }
    if self.failures == 0 {
      self.state = .due
    } else {
      let delay = policy.backoff.delay(failures: self.failures - 1, random: random)
      self.lastEnd = TunnelEnd(initiator: .remote, error: nil)
      self.state = .backingOff(
        until: now + delay,
        TunnelError(code: .closedByPeer, message: "The peer drains the tunnel.")
      )
    }
    if !isStable { self.countFailure() }
  }

  /// What follows from the end of a tunnel.
  enum Consequence: Hashable, Sendable {
    /// Nothing: it had been replaced, or was not to go on.
    case none
    /// Another one is dialled after a time.
    case retry(after: Duration)
    /// No other one is dialled.
    case stop
  }

  /// The tunnel has ended, or was not opened.
  ///
  /// - Parameter random: From 0 up to, but not including, 1.
  mutating func ended(
    _ attempt: Attempt,
    _ end: TunnelEnd,
    now: Duration,
    random: Double
  ) -> Consequence {
    self.live.remove(attempt)
    var isStable = false
    switch self.state {
    case .connecting(attempt):
      ()
    case .ready(attempt, let since, let tunnel):
      self.previousTunnel = tunnel.id
      isStable = self.policy.map { now - since >= $0.backoff.resetAfter } ?? false
    case .draining(let opening):
      // What this end has found wrong is said, though the tunnel was to end; and so is why the only
      // one that was dialled has not been opened.
      let isFault = end.initiator == .local || (opening == attempt && self.policy == nil)
      if self.live.isEmpty {
        self.state = .stopped(isFault && end.error != nil ? end : nil)
      }
      return .none
    case .idle, .due, .connecting, .ready, .backingOff, .stopped:
      return .none
    }
    // Without an error this end has closed the tunnel as it was told to.
    guard let error = TunnelError(end), let policy = self.policy, !policy.isFinal(end) else {
      self.state = .stopped(end)
      return .stop
    }
    self.lastEnd = end
    if isStable { self.failures = 0 }
    let delay = policy.delay(after: end, failures: self.failures, random: random)
    self.countFailure()
    self.state = .backingOff(until: now + delay, error)
    return .retry(after: delay)
  }

  private mutating func countFailure() {
    // Far more than it takes to reach any backoff's maximum.
    self.failures = min(self.failures + 1, 1000)
  }

  // MARK: - The end of the slot

  /// Dials no more; over when the tunnels have ended, which the caller drains.
  mutating func beginDrain() {
    let opening: Attempt?
    switch self.state {
    case .connecting(let attempt): opening = attempt
    case .idle, .due, .ready, .backingOff: opening = nil
    case .draining, .stopped: return
    }
    self.state = self.live.isEmpty ? .stopped(nil) : .draining(opening)
  }

  /// Dials no more, and there are no tunnels any more.
  mutating func cancel() {
    self.live.removeAll()
    switch self.state {
    case .idle, .due, .connecting, .ready, .backingOff:
      self.state = .stopped(TunnelEnd(initiator: .local, error: nil))
    case .draining:
      self.state = .stopped(nil)
    case .stopped:
      ()
    }
  }

  // MARK: - Looking

  /// What is shown of the slot.
  ///
  /// - Parameter instant: Turns the machine's times into those of the caller.
  func connectionState(
    instant: (Duration) -> ContinuousClock.Instant
  ) -> TunnelConnectionState {
    switch self.state {
    case .idle:
      .idle
    case .due, .connecting:
      .connecting
    case .ready(_, let since, let tunnel):
      .ready(since: instant(since), tunnel: tunnel, replacing: self.previousTunnel)
    case .backingOff(let time, let error):
      .backingOff(lastError: error, nextAttempt: instant(time))
    case .draining:
      .draining
    case .stopped(let end):
      .stopped(end.flatMap { TunnelError($0) })
    }
  }

  /// Where an RPC goes.
  enum Availability: Sendable {
    case tunnel(Attempt)
    /// Nowhere yet.
    case wait
    case none(RPCError)
  }

  /// Where an RPC goes: to the tunnel that is open, or is being opened for the first time or in place
  /// of one that the peer drains.
  ///
  /// - Parameter waits: Whether the RPC rather waits for a tunnel than fails while there is none.
  func availability(waits: Bool) -> Availability {
    switch self.state {
    case .ready(let attempt, _, _):
      return .tunnel(attempt)
    case .idle, .due, .connecting, .backingOff:
      if let end = self.lastEnd, !waits { return .none(end.streamError) }
    case .draining:
      return .none(.isShuttingDown)
    case .stopped(let end):
      return .none(end?.streamError ?? .isShuttingDown)
    }
    if case .connecting(let attempt) = self.state { return .tunnel(attempt) }
    return .wait
  }
}

extension RPCError {
  /// The transport takes no more RPCs.
  static var isShuttingDown: RPCError {
    RPCError(code: .failedPrecondition, message: "The transport is shutting down.")
  }
}
