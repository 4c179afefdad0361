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

internal import DequeModule
internal import GRPCCore
internal import GRPCTunnelProtocol

/// One end of one tunnel at work: a state machine behind a lock, and those who wait for it.
///
/// Every input takes the lock, changes the machine, collects who may go on, gives the lock back and
/// resumes them. ``run`` functions move frames between the machine and the carrier; the functions
/// for streams are called by applications, from any task.
final class TunnelSession<Machine: TunnelStateMachine>: Sendable {
  typealias Part = Machine.Part

  struct Waiter {
    var id: UInt64
    var continuation: TunnelContinuation<Void, any Error>
  }

  struct State {
    var machine: Machine
    /// What the peer may make this end keep, where several tunnels share that.
    var share: UnreadBudget.Share
    /// Applications that wait for the next part of a stream.
    var readers: [StreamID: TunnelContinuation<Part?, any Error>] = [:]
    /// Applications that wait for a stream to take more.
    var writers: [StreamID: [Waiter]] = [:]
    /// Applications that wait for a place for a stream, in order.
    var places: Deque<Waiter> = []
    /// What has become of the tunnel as a whole.
    var lifetime: TunnelLifetime
    /// Whoever reports that, when there is nothing to report.
    var observer: TunnelContinuation<Void, Never>?
    /// Reports the machine's figures; nil when nobody wants them.
    var reporter: TunnelFiguresReporter?
    /// Tells a pool how ready the tunnel is.
    var watch: ReadinessWatch<Machine>?
    /// The pump, when there is nothing to send.
    var pump: TunnelContinuation<Void, Never>?
    /// The loop that reads the carrier, when it must not go on.
    var pausedInbound: TunnelContinuation<Void, Never>?
    /// Whoever must hear of a timer earlier than the one that is slept for.
    var timers: TunnelContinuation<Void, Never>?
    var timerInForce: Duration?
    var nextWaiterID: UInt64 = 0
  }

  /// Names the tunnel within this process.
  let id: TunnelID
  /// The same, as callers are told.
  let name: String
  let observer: TunnelObserver
  let clock: TunnelClock
  let state: LockedValue<State>
  private let onEnd: @Sendable () -> Void

  /// - Parameters:
  ///   - budget: What the peers of several tunnels may make this end keep together.
  ///   - onEnd: Called when the tunnel has ended, before reads and writes that wait fail.
  init(
    machine: sending Machine,
    origin: TunnelOrigin,
    observer: TunnelObserver,
    clock: TunnelClock,
    budget: UnreadBudget?,
    onEnd: @escaping @Sendable () -> Void = {}
  ) {
    self.id = origin.id
    self.onEnd = onEnd
    self.name = origin.id.description
    self.observer = observer
    self.clock = clock
    self.state = LockedValue(
      State(
        machine: machine,
        share: UnreadBudget.Share(of: budget),
        lifetime: TunnelLifetime(origin: origin, clock: clock),
        reporter: observer.meter.map { TunnelFiguresReporter(meter: $0) }
      )
    )
  }

  deinit {
    self.state.withLock { $0.share.release() }
  }

  // MARK: - Inputs

  /// What an input may have changed beyond the loops of the session itself.
  enum Scope {
    case nothing
    case stream(StreamID)
    case streams([StreamID])
    /// The tunnel as a whole: it opened, drains or ended.
    case tunnel
  }

  /// Applies an input and resumes whoever may go on.
  ///
  /// - Parameter beforeResuming: Called once the input was applied, without the lock. The handler of
  ///   an RPC that is cancelled sees that before a read or a write of its own fails.
  @discardableResult
  func update<Output: Sendable>(
    _ body: (inout Machine) -> (Output, Scope),
    beforeResuming: (Output) -> Void = { _ in }
  ) -> Output {
    var wakeups = Wakeups<Part>()
    let output = self.state.withLock { state in
      let (output, scope) = body(&state.machine)
      state.collect(scope, into: &wakeups)
      return output
    }
    beforeResuming(output)
    self.resume(wakeups)
    return output
  }

  /// What the loop that reads the carrier does next.
  enum Reading {
    case goOn
    /// Must not go on before ``waitWhileInboundIsPaused()`` returns.
    case pause
    /// The tunnel has ended.
    case end
  }

  /// Applies a frame as ``update(_:beforeResuming:)`` does an input. All that is to be known of it is
  /// found out behind one lock: there are more frames than anything else.
  ///
  /// - Parameter check: Looks at the machine when all that follows from the frame has been done.
  func receive<Output: Sendable, Finding: Sendable>(
    _ body: (inout Machine) -> (Output, Scope),
    check: (inout Machine, Output) -> Finding,
    beforeResuming: (Finding) -> Void = { _ in }
  ) -> (Output, Reading) {
    var wakeups = Wakeups<Part>()
    let (output, finding, reading) = self.state.withLock { state in
      let (output, scope) = body(&state.machine)
      state.collect(scope, into: &wakeups)
      return (output, check(&state.machine, output), state.reading)
    }
    beforeResuming(finding)
    self.resume(wakeups)
    return (output, reading)
  }

  private func resume(_ wakeups: consuming Wakeups<Part>) {
    if wakeups.endsTunnel { self.onEnd() }
    wakeups.resume()
  }

  /// Looks at the machine; a stream is found in it without a copy only where it can be changed.
  func inspect<Output: Sendable>(_ body: (inout Machine) -> Output) -> Output {
    self.state.withLock { body(&$0.machine) }
  }

  /// What this end has done in the tunnel.
  var statistics: TunnelStatistics {
    TunnelStatistics(self.inspect { $0.figures })
  }

  /// How the metadata of an RPC of this service travels in this tunnel.
  func translator(for service: String) -> StreamTranslator {
    self.inspect { machine in
      StreamTranslator(
        encodesBinaryValues: machine.extensions.contains(.binaryMetadata),
        service: service
      )
    }
  }

  /// Ends the tunnel at once; only the first call counts.
  @inline(never)  // Else what this takes stays in the tasks that may have to do it.
  func close(_ closure: TunnelEnd) {
    self.update { machine in
      machine.close(closure)
      return ((), .tunnel)
    }
  }

  // MARK: - Applications

  /// The next part of a stream; nil after the last one.
  func read(_ stream: StreamID) async throws -> Part? {
    // What is there already needs nobody to wait, and nothing to wait with.
    if let part = self.readAtOnce(stream) { return try part.get() }
    return try await withTaskCancellationHandler {
      try await withThrowingTunnelContinuation { continuation in
        self.read(stream, continuation: continuation)
      }
    } onCancel: {
      let reader = self.state.withLock { $0.readers.removeValue(forKey: stream) }
      reader?.resume(throwing: RPCError.cancelledByTask)
    }
  }

  /// The next part of a stream, its end or its error; nil when the reader has to wait for it.
  private func readAtOnce(_ stream: StreamID) -> Result<Part?, any Error>? {
    if Task.isCancelled { return nil }
    var wakeups = Wakeups<Part>()
    let result: Result<Part?, any Error>? = self.state.withLock { state in
      // Two readers: that is an error, which is told where readers wait.
      guard state.readers[stream] == nil else { return nil }
      defer { state.collect(.nothing, into: &wakeups) }
      return state.readNow(stream)
    }
    wakeups.resume()
    return result
  }

  private func read(
    _ stream: StreamID,
    continuation: TunnelContinuation<Part?, any Error>
  ) {
    var wakeups = Wakeups<Part>()
    self.state.withLock { state in
      // A cancellation that came before this has found nobody to resume.
      if Task.isCancelled {
        wakeups.append((continuation, .failure(RPCError.cancelledByTask)))
        return
      }
      guard state.readers[stream] == nil else {
        let error = RPCError(code: .internalError, message: "Two tasks read from one RPC.")
        wakeups.append((continuation, .failure(error)))
        return
      }
      state.readers[stream] = continuation
      state.collect(.stream(stream), into: &wakeups)
    }
    wakeups.resume()
  }

  /// Suspends until a stream that was full takes more, or has ended.
  func waitUntilWritable(_ stream: StreamID) async throws {
    try await self.wait(self.newWaiterID()) { state, waiter in
      switch state.machine.writeReadiness(of: stream) {
      case .ready:
        return .success(())
      case .failed(let error):
        return .failure(error)
      case .wait:
        state.writers[stream, default: []].append(waiter)
        return nil
      }
    } remove: { state, id in
      guard let index = state.writers[stream]?.firstIndex(where: { $0.id == id }) else {
        return nil
      }
      return state.writers[stream]?.remove(at: index)
    }
  }

  /// Suspends the caller until `check` has, or whoever takes the waiter it left gives, a result.
  func wait(
    _ id: UInt64,
    _ check: (inout State, Waiter) -> Result<Void, any Error>?,
    remove: @escaping @Sendable (inout State, UInt64) -> Waiter?
  ) async throws {
    try await withTaskCancellationHandler {
      try await withThrowingTunnelContinuation { continuation in
        let result: Result<Void, any Error>? = self.state.withLock { state in
          // A cancellation that came before this has found nobody to resume.
          if Task.isCancelled { return .failure(RPCError.cancelledByTask) }
          return check(&state, Waiter(id: id, continuation: continuation))
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let waiter = self.state.withLock { remove(&$0, id) }
      waiter?.continuation.resume(throwing: RPCError.cancelledByTask)
    }
  }

  func newWaiterID() -> UInt64 {
    self.state.withLock { state in
      state.nextWaiterID += 1
      return state.nextWaiterID
    }
  }

  // MARK: - The session's own loops

  /// What the pump does next.
  enum Output {
    case frames
    case end(OutputEnd)
  }

  /// Waits for frames to send, or for the end of sending.
  func nextFrames(into frames: inout [Machine.OutboundFrame]) async -> Output {
    while true {
      var wakeups = Wakeups<Part>()
      let output: Output? = self.state.withLock { state in
        if state.machine.hasFrames {
          let drained = state.machine.takeFrames(
            into: &frames,
            maximumByteCount: Self.maximumBatchByteCount,
            now: self.clock.now()
          )
          state.collect(drained.isEmpty ? .nothing : .streams(drained), into: &wakeups)
          // A batch may turn out empty: its streams ended before their turn came.
          if !frames.isEmpty { return .frames }
        }
        return state.machine.outputEnd.map { .end($0) }
      }
      wakeups.resume()
      if let output { return output }
      await self.suspendPump()
    }
  }

  private func suspendPump() async {
    await withTunnelContinuation { continuation in
      let mustGoOn = self.state.withLock { state in
        if state.machine.hasFrames || state.machine.outputEnd != nil { return true }
        state.pump = continuation
        return false
      }
      if mustGoOn { continuation.resume() }
    }
  }

  /// Suspends while the carrier must not be read.
  func waitWhileInboundIsPaused() async {
    let isPaused = self.state.withLock { $0.machine.isInboundPaused && $0.machine.closure == nil }
    guard isPaused else { return }
    await withTunnelContinuation { continuation in
      let mustGoOn = self.state.withLock { state in
        if !state.machine.isInboundPaused || state.machine.closure != nil { return true }
        state.pausedInbound = continuation
        return false
      }
      if mustGoOn { continuation.resume() }
    }
  }

  /// Waits for a timer to sleep for; nil when the tunnel has ended, or the task was cancelled.
  func nextTimer() async -> Duration? {
    while !Task.isCancelled {
      let timer: (isClosed: Bool, time: Duration?) = self.state.withLock { state in
        state.timerInForce = state.machine.nextTimer
        return (state.machine.closure != nil, state.timerInForce)
      }
      if timer.isClosed { return nil }
      if let time = timer.time { return time }
      await self.suspendTimers(until: nil)
    }
    return nil
  }

  /// Suspends until `time`, when ``resumeTimers()`` is called, or there is an earlier timer, or the
  /// tunnel has ended.
  func suspendTimers(until time: Duration?) async {
    await withTaskCancellationHandler {
      await withTunnelContinuation { continuation in
        let mustGoOn = self.state.withLock { state in
          if Task.isCancelled || state.machine.closure != nil { return true }
          if let time, time <= self.clock.now() { return true }
          if let next = state.machine.nextTimer, time.map({ next < $0 }) ?? true { return true }
          state.timers = continuation
          return false
        }
        if mustGoOn { continuation.resume() }
      }
    } onCancel: {
      self.resumeTimers()
    }
  }

  func resumeTimers() {
    let timers = self.state.withLock { $0.timers.take() }
    timers?.resume()
  }

  /// What goes into one write on the carrier, in bytes: more delays frames that come up meanwhile.
  private static var maximumBatchByteCount: Int { 128 * 1024 }
}

extension RPCError {
  static var cancelledByTask: RPCError {
    RPCError(code: .cancelled, message: "The task of the RPC was cancelled.")
  }
}
