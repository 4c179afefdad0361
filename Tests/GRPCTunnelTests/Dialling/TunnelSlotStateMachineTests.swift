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
internal import Testing

@testable internal import GRPCTunnel

@Suite("A slot's state machine")
struct TunnelSlotStateMachineTests {
  /// Up to 1 s, 2 s, 4 s, and 8 s at most; a tunnel is stable after 30 s.
  private static let policy = TunnelReconnectPolicy(
    backoff: TunnelBackoff(
      initial: .seconds(1),
      maximum: .seconds(8),
      multiplier: 2,
      resetAfter: .seconds(30)
    )
  )

  private static let lost = TunnelEnd(
    initiator: .remote,
    error: RPCError(code: .unavailable, message: "lost")
  )

  private typealias Attempt = TunnelSlotStateMachine.Attempt

  /// A slot whose first tunnel has been open since 0 s.
  private static func openSlot(
    _ policy: TunnelReconnectPolicy? = policy
  ) -> (TunnelSlotStateMachine, Attempt) {
    var slot = TunnelSlotStateMachine(policy: policy)
    let attempt = slot.dials(at: .zero)
    slot.opened(attempt, .example(), now: .zero)
    return (slot, attempt)
  }

  // MARK: - Dialling

  @Test("dials at once, then waits for what comes of it")
  func first() {
    var slot = TunnelSlotStateMachine(policy: Self.policy)
    #expect(slot.shown == .idle)
    #expect(slot.nextStep(now: .zero) == .dial(Attempt(number: 1)))
    #expect(slot.shown == .connecting)
    #expect(slot.nextStep(now: .zero) == .wait(until: nil))

    let tunnel = TunnelInformation.example()
    slot.opened(Attempt(number: 1), tunnel, now: .seconds(3))
    #expect(slot.shown == .ready(since: .seconds(3), tunnel.id, replacing: nil))
    #expect(slot.nextStep(now: .seconds(3)) == .wait(until: nil))
  }

  @Test("waits longer after each failure, and at random from the first on")
  func backoff() {
    var slot = TunnelSlotStateMachine(policy: Self.policy)
    var now = Duration.zero
    for bound in [1, 2, 4, 8, 8, 8] {
      let attempt = slot.dials(at: now)
      let consequence = slot.ended(attempt, Self.lost, now: now, random: 0.5)
      let delay = Duration.seconds(bound) / 2
      #expect(consequence == .retry(after: delay))
      #expect(slot.shown == .backingOff("lost", until: now + delay))
      #expect(slot.nextStep(now: now) == .wait(until: now + delay))
      #expect(
        slot.nextStep(now: now + delay - .milliseconds(1)) == .wait(until: now + delay)
      )
      now += delay
    }
    #expect(slot.failures == 6)
  }

  @Test(
    "a tunnel that was open for long lets the waits start again",
    arguments: [(29, 2), (30, 1)]
  )
  func stability(openFor seconds: Int, bound: Int) {
    var slot = TunnelSlotStateMachine(policy: Self.policy)
    var attempt = slot.dials(at: .zero)
    _ = slot.ended(attempt, Self.lost, now: .zero, random: 0)
    // The time of opening does not count: only how long it was open.
    attempt = slot.dials(at: .zero)
    slot.opened(attempt, .example(), now: .seconds(9))
    let end = Duration.seconds(9 + seconds)
    let consequence = slot.ended(attempt, Self.lost, now: end, random: 0.5)
    #expect(consequence == .retry(after: .seconds(bound) / 2))
  }

  @Test("the number of failures does not grow for ever")
  func manyFailures() {
    var slot = TunnelSlotStateMachine(policy: Self.policy)
    for _ in 0 ..< 1100 {
      let attempt = slot.dials(at: .zero)
      _ = slot.ended(attempt, Self.lost, now: .zero, random: 0)
    }
    #expect(slot.failures == 1000)
  }

  @Test("what replaces a tunnel says so")
  func replacing() {
    var slot = TunnelSlotStateMachine(policy: Self.policy)
    let first = slot.dials(at: .zero)
    let tunnel = TunnelInformation.example()
    slot.opened(first, tunnel, now: .zero)
    _ = slot.ended(first, Self.lost, now: .zero, random: 0)
    // One that does not open changes nothing.
    let second = slot.dials(at: .zero)
    _ = slot.ended(second, Self.lost, now: .zero, random: 0)
    let third = slot.dials(at: .zero)
    let replacement = TunnelInformation.example()
    slot.opened(third, replacement, now: .seconds(1))
    #expect(slot.shown == .ready(since: .seconds(1), replacement.id, replacing: tunnel.id))
  }

  // MARK: - What is final

  /// An end of a tunnel, and the wait that follows when `random` is a half; nil for none.
  private struct Ending: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var end: TunnelEnd
    var delay: Duration?
  }

  private static let endings: [Ending] = {
    let refused = { (code: RPCError.Code) in
      TunnelEnd(initiator: .remote, error: RPCError(code: code, message: "no"))
    }
    let fault = { (code: RPCError.Code) in
      TunnelEnd(initiator: .local, error: RPCError(code: code, message: "no"))
    }
    return [
      Ending(testDescription: "lost", end: refused(.unavailable), delay: .seconds(0.5)),
      Ending(
        testDescription: "ended in order",
        end: TunnelEnd(initiator: .remote, error: nil),
        delay: .seconds(0.5)
      ),
      Ending(testDescription: "internal error", end: refused(.internalError), delay: .seconds(0.5)),
      Ending(testDescription: "cancelled", end: refused(.cancelled), delay: .seconds(0.5)),
      Ending(testDescription: "bad argument", end: refused(.invalidArgument), delay: .seconds(0.5)),
      Ending(
        testDescription: "unauthenticated",
        end: refused(.unauthenticated),
        delay: .seconds(4)
      ),
      Ending(testDescription: "denied", end: refused(.permissionDenied), delay: .seconds(4)),
      Ending(testDescription: "unimplemented", end: refused(.unimplemented), delay: nil),
      Ending(testDescription: "peer's fault", end: fault(.internalError), delay: .seconds(0.5)),
      Ending(
        testDescription: "no common revision",
        end: fault(.unimplemented),
        delay: .seconds(0.5)
      ),
      Ending(
        testDescription: "closed here",
        end: TunnelEnd(initiator: .local, error: nil),
        delay: nil
      ),
    ]
  }()

  @Test("every end but a final one is followed by another try", arguments: endings)
  private func ending(ending: Ending) {
    for isOpen in [false, true] {
      var slot = TunnelSlotStateMachine(policy: Self.policy)
      let attempt = slot.dials(at: .zero)
      if isOpen { slot.opened(attempt, .example(), now: .zero) }
      let consequence = slot.ended(attempt, ending.end, now: .zero, random: 0.5)
      if let delay = ending.delay {
        #expect(consequence == .retry(after: delay))
      } else {
        #expect(consequence == .stop)
        #expect(slot.nextStep(now: .zero) == .finish)
        #expect(slot.shown == .stopped(ending.end.error?.message))
      }
    }
  }

  @Test("a policy says which codes are final")
  func finalCodes() {
    var policy = Self.policy
    policy.finalCodes = [.permissionDenied]
    for (code, isFinal) in [(RPCError.Code.permissionDenied, true), (.unimplemented, false)] {
      var slot = TunnelSlotStateMachine(policy: policy)
      let attempt = slot.dials(at: .zero)
      let end = TunnelEnd(initiator: .remote, error: RPCError(code: code, message: "no"))
      #expect((slot.ended(attempt, end, now: .zero, random: 0) == .stop) == isFinal)
    }
  }

  @Test("without a policy nothing is dialled again")
  func noPolicy() {
    var (slot, attempt) = Self.openSlot(nil)
    slot.peerDrains(attempt, now: .seconds(1), random: 0)
    #expect(slot.nextStep(now: .seconds(1)) == .wait(until: nil))
    #expect(slot.ended(attempt, Self.lost, now: .seconds(2), random: 0) == .stop)
    #expect(slot.shown == .stopped("lost"))
    #expect(slot.nextStep(now: .seconds(2)) == .finish)
  }

  // MARK: - The peer drains

  @Test("a tunnel that the peer drains is replaced at once, and goes on beside its replacement")
  func peerDrains() {
    var (slot, first) = Self.openSlot()
    slot.peerDrains(first, now: .seconds(40), random: 0.5)
    #expect(slot.shown == .connecting)
    let second = slot.dials(at: .seconds(40))
    let tunnel = TunnelInformation.example()
    slot.opened(second, tunnel, now: .seconds(41))
    // Hearing of it again, or of its end, changes nothing.
    slot.peerDrains(first, now: .seconds(42), random: 0.5)
    #expect(slot.ended(first, Self.lost, now: .seconds(50), random: 0.5) == .none)
    guard case .ready(.seconds(41), tunnel.id, .some) = slot.shown else {
      Issue.record("\(slot.shown)")
      return
    }
    #expect(slot.failures == 0)
  }

  @Test("tunnels that are drained again and again as soon as they open are replaced ever later")
  func drainedAtOnce() {
    var (slot, attempt) = Self.openSlot()
    var now = Duration.zero
    for delay in [0, 0.5, 1, 2, 4, 4] {
      now += .seconds(1)
      slot.peerDrains(attempt, now: now, random: 0.5)
      if delay > 0 {
        #expect(slot.nextStep(now: now) == .wait(until: now + .seconds(delay)))
        now += .seconds(delay)
      }
      attempt = slot.dials(at: now)
      slot.opened(attempt, .example(), now: now)
    }
    // Until one stays.
    now += .seconds(30)
    slot.peerDrains(attempt, now: now, random: 0.5)
    _ = slot.dials(at: now)
    #expect(slot.failures == 0)
  }

  @Test("a refused replacement is final, when its policy says so, once the old tunnel has ended")
  func refusedReplacement() {
    var (slot, first) = Self.openSlot()
    slot.peerDrains(first, now: .seconds(40), random: 0)
    let second = slot.dials(at: .seconds(40))
    let refusal = TunnelEnd(
      initiator: .remote,
      error: RPCError(code: .unimplemented, message: "no")
    )
    #expect(slot.ended(second, refusal, now: .seconds(41), random: 0) == .stop)
    #expect(slot.nextStep(now: .seconds(41)) == .wait(until: nil))
    #expect(slot.ended(first, Self.lost, now: .seconds(42), random: 0) == .none)
    #expect(slot.nextStep(now: .seconds(42)) == .finish)
    #expect(slot.shown == .stopped("no"))
  }

  // MARK: - The end

  @Test("drains its tunnels, and is over when all have ended")
  func drain() {
    var (slot, first) = Self.openSlot()
    slot.peerDrains(first, now: .seconds(40), random: 0)
    let second = slot.dials(at: .seconds(40))
    slot.beginDrain()
    #expect(slot.shown == .draining)
    #expect(slot.nextStep(now: .seconds(40)) == .wait(until: nil))
    #expect(slot.ended(second, Self.lost, now: .seconds(41), random: 0) == .none)
    #expect(slot.nextStep(now: .seconds(41)) == .wait(until: nil))
    #expect(slot.ended(first, Self.lost, now: .seconds(42), random: 0) == .none)
    #expect(slot.shown == .stopped(nil))
    #expect(slot.nextStep(now: .seconds(42)) == .finish)
  }

  @Test(
    "tells why the only tunnel was not opened, though it was drained meanwhile",
    arguments: [false, true]
  )
  func refusalWhileDraining(isOpened: Bool) {
    var slot = TunnelSlotStateMachine(policy: nil)
    let attempt = slot.dials(at: .zero)
    slot.beginDrain()
    if isOpened { slot.opened(attempt, .example(), now: .zero) }
    #expect(slot.ended(attempt, Self.lost, now: .zero, random: 0) == .none)
    // An open one was to end anyway.
    #expect(slot.shown == .stopped(isOpened ? nil : "lost"))
  }

  @Test("tells what this end found wrong while it drained, and no loss", arguments: [true, false])
  func faultWhileDraining(isFault: Bool) {
    let fault = RPCError(code: .internalError, message: "fault")
    var (slot, attempt) = Self.openSlot(nil)
    slot.beginDrain()
    let end = isFault ? TunnelEnd(initiator: .local, error: fault) : Self.lost
    #expect(slot.ended(attempt, end, now: .zero, random: 0) == .none)
    #expect(slot.shown == .stopped(isFault ? "fault" : nil))
  }

  @Test("is over at once when it is drained without a tunnel")
  func drainWithoutTunnel() {
    var idle = TunnelSlotStateMachine(policy: Self.policy)
    idle.beginDrain()
    #expect(idle.nextStep(now: .zero) == .finish)
    #expect(idle.shown == .stopped(nil))

    var waiting = TunnelSlotStateMachine(policy: Self.policy)
    let attempt = waiting.dials(at: .zero)
    _ = waiting.ended(attempt, Self.lost, now: .zero, random: 0.5)
    waiting.beginDrain()
    #expect(waiting.nextStep(now: .zero) == .finish)
    #expect(waiting.shown == .stopped(nil))
  }

  @Test("keeps its error when it is drained after it has stopped")
  func drainAfterStop() {
    var (slot, attempt) = Self.openSlot(nil)
    _ = slot.ended(attempt, Self.lost, now: .zero, random: 0)
    slot.beginDrain()
    #expect(slot.shown == .stopped("lost"))
  }

  @Test("is over at once when it is cancelled")
  func cancel() {
    var (slot, attempt) = Self.openSlot()
    slot.peerDrains(attempt, now: .seconds(40), random: 0)
    _ = slot.dials(at: .seconds(40))
    slot.cancel()
    #expect(slot.nextStep(now: .seconds(40)) == .finish)
    #expect(slot.shown == .stopped(nil))
    #expect(slot.ended(attempt, Self.lost, now: .seconds(41), random: 0) == .none)
  }

  // MARK: - RPCs

  @Test("RPCs wait for the first tunnel, and for one that replaces a drained one")
  func waitingForTunnel() {
    var slot = TunnelSlotStateMachine(policy: Self.policy)
    #expect(slot.goes == .nowhereYet)
    let first = slot.dials(at: .zero)
    #expect(slot.goes == .to(1))
    slot.opened(first, .example(), now: .zero)
    #expect(slot.goes == .to(1))
    slot.peerDrains(first, now: .seconds(40), random: 0)
    #expect(slot.goes == .nowhereYet)
    _ = slot.dials(at: .seconds(40))
    #expect(slot.goes == .to(2))
  }

  @Test("while a tunnel is lost RPCs fail with its error, or wait when they are ready to")
  func withoutTunnel() {
    var (slot, first) = Self.openSlot()
    _ = slot.ended(first, Self.lost, now: .seconds(1), random: 0.5)
    #expect(slot.goes == .failure(.unavailable, "The tunnel was lost: lost"))
    #expect(slot.goesWaiting == .nowhereYet)
    let second = slot.dials(at: .seconds(2))
    #expect(slot.goes == .failure(.unavailable, "The tunnel was lost: lost"))
    #expect(slot.goesWaiting == .to(2))
    slot.opened(second, .example(), now: .seconds(2))
    #expect(slot.goes == .to(2))
  }

  @Test("RPCs fail once the slot has stopped, or drains")
  func afterTheEnd() {
    var (lost, attempt) = Self.openSlot(nil)
    _ = lost.ended(attempt, Self.lost, now: .zero, random: 0)
    #expect(lost.goesWaiting == .failure(.unavailable, "The tunnel was lost: lost"))

    var (drained, other) = Self.openSlot()
    drained.beginDrain()
    #expect(drained.goesWaiting == .failure(.failedPrecondition, "The transport is shutting down."))
    _ = drained.ended(other, Self.lost, now: .zero, random: 0)
    #expect(drained.goesWaiting == .failure(.failedPrecondition, "The transport is shutting down."))

    var (cancelled, _) = Self.openSlot()
    cancelled.cancel()
    #expect(
      cancelled.goesWaiting == .failure(.unavailable, "The tunnel was closed by this end.")
    )
  }
}

extension TunnelInformation {
  fileprivate static func example() -> TunnelInformation {
    let origin = TunnelOrigin(direction: .reverse)
    return TunnelInformation(
      id: origin.id,
      direction: origin.direction,
      metadata: origin.metadata,
      remotePeer: origin.remotePeer,
      localPeer: origin.localPeer,
      revision: 1,
      extensions: []
    )
  }
}

extension TunnelSlotStateMachine {
  /// The attempt that is dialled next, which must be at once.
  fileprivate mutating func dials(at now: Duration) -> Attempt {
    guard case .dial(let attempt) = self.nextStep(now: now) else {
      Issue.record("The slot does not dial.")
      return Attempt(number: -1)
    }
    return attempt
  }

  /// The state that is shown, so that it can be compared.
  fileprivate enum Shown: Hashable {
    case idle
    case connecting
    case ready(since: Duration, TunnelID, replacing: TunnelID?)
    case backingOff(String, until: Duration)
    case draining
    case stopped(String?)
  }

  fileprivate var shown: Shown {
    let origin = ContinuousClock.now
    return switch self.connectionState(instant: { origin + $0 }) {
    case .idle: .idle
    case .connecting: .connecting
    case .ready(let since, let tunnel, let replacing):
      .ready(since: origin.duration(to: since), tunnel.id, replacing: replacing)
    case .backingOff(let error, let time):
      .backingOff(error.message, until: origin.duration(to: time))
    case .draining: .draining
    case .stopped(let error): .stopped(error?.message)
    }
  }

  /// Where an RPC goes, so that it can be compared.
  fileprivate enum Goal: Hashable {
    case to(Int)
    case nowhereYet
    case failure(RPCError.Code, String)
  }

  fileprivate var goes: Goal { self.goal(waits: false) }
  fileprivate var goesWaiting: Goal { self.goal(waits: true) }

  private func goal(waits: Bool) -> Goal {
    switch self.availability(waits: waits) {
    case .tunnel(let attempt): .to(attempt.number)
    case .wait: .nowhereYet
    case .none(let error): .failure(error.code, error.message)
    }
  }
}
