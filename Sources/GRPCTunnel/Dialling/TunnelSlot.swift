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

/// This end of a tunnel that was dialled, as its slot knows it.
protocol DialledSession: Sendable {
  func startConnecting()

  /// - Parameter isShutdown: Whether the application shuts down what the tunnel belongs to.
  func beginDrain(isShutdown: Bool)

  /// What this end has done in the tunnel.
  var statistics: TunnelStatistics { get }
}

extension ServerSession: DialledSession {
  var statistics: TunnelStatistics { self.session.statistics }
}

extension TunnelSession: DialledSession where Machine == TunnelClientStateMachine {
  func beginDrain(isShutdown: Bool) {
    self.beginDrain()
  }
}

/// A ``TunnelSlotStateMachine`` at work: dials, and dials again, as it says.
final class TunnelSlot<Session: DialledSession>: Sendable {
  /// Runs a tunnel until it has ended and its handlers have returned, and tells what becomes of it.
  typealias Dial =
    @Sendable (
      _ session: Session,
      _ note: @escaping @Sendable (TunnelLifetime) -> Void
    ) async -> Void

  private struct State {
    var machine: TunnelSlotStateMachine
    /// The tunnels that have not ended.
    var sessions: [TunnelSlotStateMachine.Attempt: Session] = [:]
    var changed = OneShotEvent()
  }

  private let clock: TunnelClock
  private let observer: TunnelObserver
  private let makeSession: @Sendable () -> Session
  private let onChange: @Sendable () -> Void
  private let state: LockedValue<State>

  /// - Parameters:
  ///   - policy: nil when nothing is dialled again.
  ///   - observer: Is told when something is.
  ///   - makeSession: Makes this end of a tunnel that will be dialled; called with a lock.
  ///   - onChange: Called whenever ``connectionState`` may have changed.
  init(
    policy: TunnelReconnectPolicy?,
    clock: TunnelClock,
    observer: TunnelObserver,
    makeSession: @escaping @Sendable () -> Session,
    onChange: @escaping @Sendable () -> Void
  ) {
    self.clock = clock
    self.observer = observer
    self.makeSession = makeSession
    self.onChange = onChange
    self.state = LockedValue(State(machine: TunnelSlotStateMachine(policy: policy)))
  }

  /// What is shown of the slot.
  var connectionState: TunnelConnectionState {
    let clock = self.clock
    return self.state.withLock { $0.machine.connectionState { clock.origin + $0 } }
  }

  /// What this end has done in the latest tunnel that has not ended.
  var statistics: TunnelStatistics? {
    let latest = self.state.withLock { state in
      state.sessions.max { $0.key.number < $1.key.number }?.value
    }
    return latest?.statistics
  }

  // MARK: - Running

  /// Keeps a tunnel up until that is final, or ``beginDrain(isShutdown:)`` was called and the tunnels have
  /// ended; and until their handlers have returned. Run it once.
  ///
  /// Cancelling the task closes the tunnels at once.
  func run(_ dial: @escaping Dial) async {
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled {
        switch self.nextAction() {
        case .dial(let session, let attempt):
          self.onChange()
          group.addTask {
            session.startConnecting()
            await dial(session) { self.note($0, of: attempt) }
          }
        case .wait(let time, let changed):
          await self.wait(until: time, or: changed)
        case .finish:
          return
        }
      }
      self.update { $0.machine.cancel() }
    }
  }

  private enum Action {
    case dial(Session, TunnelSlotStateMachine.Attempt)
    case wait(until: Duration?, or: OneShotEvent)
    case finish
  }

  private func nextAction() -> Action {
    let now = self.clock.now()
    return self.state.withLock { state in
      switch state.machine.nextStep(now: now) {
      case .dial(let attempt):
        let session = self.makeSession()
        state.sessions[attempt] = session
        return .dial(session, attempt)
      case .wait(let time):
        return .wait(until: time, or: state.changed)
      case .finish:
        return .finish
      }
    }
  }

  /// Something became of a tunnel. That includes its end, though its handlers may go on: whoever is
  /// slow to return must not keep the tunnel from being replaced.
  private func note(_ lifetime: TunnelLifetime, of attempt: TunnelSlotStateMachine.Attempt) {
    let now = self.clock.now()
    let random = Double.random(in: 0 ..< 1)
    let retry: (delay: Duration, failures: Int)? = self.update { state in
      if let tunnel = lifetime.information {
        state.machine.opened(attempt, tunnel, now: now)
      }
      if lifetime.drainInitiator == .remote {
        state.machine.peerDrains(attempt, now: now, random: random)
      }
      guard let end = lifetime.end else { return nil }
      state.sessions.removeValue(forKey: attempt)
      switch state.machine.ended(attempt, end, now: now, random: random) {
      case .retry(let delay): return (delay, state.machine.failures)
      case .stop, .none: return nil
      }
    }
    if let retry {
      let error = lifetime.end.flatMap { TunnelError($0) }
      self.observer.reconnecting(after: error, in: retry.delay, failures: retry.failures)
    }
  }

  /// Changes the state, and tells everyone.
  private func update<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    let (result, changed) = self.state.withLock { state in
      let result = body(&state)
      defer { state.changed = OneShotEvent() }
      return (result, state.changed)
    }
    changed.fire()
    self.onChange()
    return result
  }

  private func wait(until time: Duration?, or changed: OneShotEvent) async {
    guard let time else {
      try? await changed.wait()
      return
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.clock.sleep(time) }
      group.addTask { try? await changed.wait() }
      await group.next()
      group.cancelAll()
    }
  }

  /// Dials no more, and drains the tunnels. May be called at any time, repeatedly.
  ///
  /// - Parameter isShutdown: Whether the application shuts down what the slot belongs to.
  func beginDrain(isShutdown: Bool) {
    let sessions = self.update { state in
      state.machine.beginDrain()
      return Array(state.sessions.values)
    }
    for session in sessions {
      session.beginDrain(isShutdown: isShutdown)
    }
  }

  // MARK: - RPCs

  /// The tunnel for an RPC; suspends until there is one that it can use or wait in.
  ///
  /// - Parameters:
  ///   - waits: Whether to wait even while no tunnel can be opened.
  ///   - used: The tunnel that did not take the RPC.
  ///   - deadline: When the wait fails with `deadlineExceeded`.
  func session(
    waits: Bool,
    after used: TunnelSlotStateMachine.Attempt?,
    until deadline: Duration?
  ) async throws -> (session: Session, attempt: TunnelSlotStateMachine.Attempt) {
    while true {
      let (found, changed) = try self.state.withLock { state in
        switch state.machine.availability(waits: waits) {
        case .tunnel(let attempt) where attempt != used:
          return (state.sessions[attempt].map { ($0, attempt) }, state.changed)
        case .tunnel, .wait:
          return (nil, state.changed)
        case .none(let error):
          throw error
        }
      }
      if let found { return found }
      await self.wait(until: deadline, or: changed)
      if Task.isCancelled { throw RPCError.cancelledByTask }
      if let deadline, deadline <= self.clock.now() { throw RPCError.deadlineExceededWaiting }
    }
  }
}
