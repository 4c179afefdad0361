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

extension TunnelSession {
  /// Sends frames until everything was sent, the carrier takes no more, or the tunnel ended. Never
  /// throws the carrier's errors: they end the tunnel.
  ///
  /// - Returns: Whether everything was sent.
  /// - Throws: The error with which this end closed the tunnel, for the carrier to carry.
  func runPump(_ writer: RPCWriter<Machine.OutboundFrame>) async throws -> Bool {
    var frames: [Machine.OutboundFrame] = []
    while true {
      switch await self.nextFrames(into: &frames) {
      case .frames:
        do {
          try await writer.write(contentsOf: frames)
        } catch {
          // Whoever cancels the carrier ends the tunnel, and knows why.
          if Task.isCancelled { throw CancellationError() }
          self.outputFailed(.carrierFailed(error))
          return false
        }
        frames.removeAll(keepingCapacity: true)
      case .end(.finished):
        return true
      case .end(.failed(let closure)):
        if let error = closure.ownError { throw error }
        return false
      }
    }
  }

  @inline(never)  // Else what this takes stays in the task that sends.
  private func outputFailed(_ closure: TunnelEnd) {
    let now = self.clock.now()
    self.update { machine in
      machine.outputFailed(closure, now: now)
      return ((), .tunnel)
    }
  }

  /// Reads frames until the carrier ends, and ends the tunnel with it.
  func readFrames(
    from inbound: RPCAsyncSequence<Machine.InboundFrame, any Error>,
    _ receive: (Machine.InboundFrame) -> Reading
  ) async {
    do {
      for try await frame in inbound {
        switch receive(frame) {
        case .goOn:
          ()
        case .pause:
          await self.waitWhileInboundIsPaused()
          if self.inspect({ $0.closure != nil }) { return }
        case .end:
          return
        }
      }
      // Whoever cancels the carrier ends the tunnel, and knows why.
      if !Task.isCancelled { self.close(.carrierEnded) }
    } catch {
      if !Task.isCancelled { self.close(.carrierFailed(error)) }
    }
  }

  /// Does what is due when it is due, until the tunnel ends.
  func runTimers(onExpiry: @escaping @Sendable ([StreamID]) -> Void) async {
    while let time = await self.nextTimer() {
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          try? await self.clock.sleep(time)
          self.resumeTimers()
        }
        await self.suspendTimers(until: time)
        group.cancelAll()
      }
      if Task.isCancelled { return }
      self.expireTimers(onExpiry)
    }
  }

  @inline(never)  // Else what this takes stays in the task that waits.
  private func expireTimers(_ onExpiry: ([StreamID]) -> Void) {
    let now = self.clock.now()
    self.update { machine in
      switch machine.expireTimers(now: now) {
      case .streams(let streams): (streams, .streams(streams))
      case .closed: ([], .tunnel)
      }
    } beforeResuming: { expired in
      onExpiry(expired)
    }
  }

  /// Runs the tunnel on a carrier that the peer has opened, until it ends.
  ///
  /// - Parameter note: Told what becomes of the tunnel.
  /// - Throws: The error with which this end closed the tunnel, for the carrier to carry.
  func runAccepted(
    inbound: RPCAsyncSequence<Machine.InboundFrame, any Error>,
    outbound: RPCWriter<Machine.OutboundFrame>,
    onExpiry: @escaping @Sendable ([StreamID]) -> Void,
    note: (TunnelLifetime) -> Void = { _ in },
    read: @escaping @Sendable (RPCAsyncSequence<Machine.InboundFrame, any Error>) async -> Void
  ) async throws {
    try await withTaskCancellationHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await read(inbound) }
        group.addTask { await self.runTimers(onExpiry: onExpiry) }
        group.addTask {
          if case .some(true) = try? await self.runPump(outbound) {
            // A tunnel that has been drained ends with it.
            self.close(TunnelEnd(initiator: .local, error: nil))
          }
        }
        // Not the end of the pump: a peer that takes nothing must not keep the tunnel from ending.
        await self.observeUntilClosed(note: note)
        group.cancelAll()
        try await group.waitForAll()
      }
    } onCancel: {
      self.close(.cancelled)
    }
    try self.throwOwnError()
  }

  @inline(never)  // Else what this takes stays in the task that runs the tunnel.
  private func throwOwnError() throws {
    if let error = self.inspect({ $0.closure?.ownError }) { throw error }
  }
}

extension TunnelEnd {
  /// Whoever runs the tunnel gave it up.
  static var cancelled: TunnelEnd {
    TunnelEnd(initiator: .local, error: nil, reason: "its task was cancelled")
  }

  /// The peer ended the carrier in an orderly way. To be asked for in the task that found that.
  static var carrierEnded: TunnelEnd {
    Task.isCancelled ? .cancelled : TunnelEnd(initiator: .remote, error: nil)
  }

  /// The carrier failed, or carried something that is not a frame. To be asked for in the task that
  /// found that: a carrier also fails when the task that runs it is cancelled.
  static func carrierFailed(_ error: any Error) -> TunnelEnd {
    if Task.isCancelled || error is CancellationError {
      return .cancelled
    }
    if let error = error as? RPCError {
      let isMalformed = error.cause is FrameDecodingError
      return TunnelEnd(initiator: isMalformed ? .local : .remote, error: error)
    }
    return TunnelEnd(
      initiator: .remote,
      error: RPCError(
        code: .unavailable,
        message: "The carrier failed: \(error)",
        cause: error
      )
    )
  }
}
