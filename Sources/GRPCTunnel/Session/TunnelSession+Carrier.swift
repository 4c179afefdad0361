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
  /// Sends frames until everything was sent or the tunnel ended. Never throws the carrier's errors:
  /// they end the tunnel.
  ///
  /// - Throws: The error with which this end closed the tunnel, for the carrier to carry.
  func runPump(_ writer: RPCWriter<Machine.OutboundFrame>) async throws {
    var frames: [Machine.OutboundFrame] = []
    while true {
      switch await self.nextFrames(into: &frames) {
      case .frames:
        do {
          try await writer.write(contentsOf: frames)
        } catch {
          self.close(.carrierFailed(error))
        }
        frames.removeAll(keepingCapacity: true)
      case .end(.finished):
        return
      case .end(.failed(let closure)):
        switch closure.initiator {
        case .local:
          if let error = closure.error { throw error }
        case .remote:
          ()
        }
        return
      }
    }
  }

  /// Reads frames until the carrier ends, and ends the tunnel with it.
  func readFrames(
    from inbound: RPCAsyncSequence<Machine.InboundFrame, any Error>,
    _ receive: (Machine.InboundFrame) -> Void
  ) async {
    do {
      for try await frame in inbound {
        receive(frame)
        await self.waitWhileInboundIsPaused()
        if self.inspect({ $0.closure != nil }) { return }
      }
      if Task.isCancelled {
        self.close(TunnelEnd(initiator: .local, error: nil))
      } else {
        self.close(TunnelEnd(initiator: .remote, error: nil))
      }
    } catch {
      self.close(.carrierFailed(error))
    }
  }

  /// Does what is due when it is due, until the tunnel ends.
  func runTimers(onExpiry: @escaping @Sendable ([StreamID]) -> Void) async {
    while let time = await self.nextTimer() {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { try? await self.clock.sleep(time) }
        group.addTask { await self.suspendTimers(until: time) }
        await group.next()
        group.cancelAll()
      }
      if Task.isCancelled { return }
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
          try? await self.runPump(outbound)
          // A tunnel that has been drained ends with it.
          self.close(TunnelEnd(initiator: .local, error: nil))
        }
        // Not the end of the pump: a peer that takes nothing must not keep the tunnel from ending.
        await self.observeUntilClosed(note: note)
        group.cancelAll()
        try await group.waitForAll()
      }
    } onCancel: {
      self.close(TunnelEnd(initiator: .local, error: nil))
    }
    if let closure = self.inspect({ $0.closure }), closure.initiator == .local,
      let error = closure.error
    {
      throw error
    }
  }
}

extension TunnelEnd {
  /// The carrier failed, or carried something that is not a frame.
  static func carrierFailed(_ error: any Error) -> TunnelEnd {
    if let error = error as? RPCError {
      let isMalformed = error.cause is FrameDecodingError
      return TunnelEnd(initiator: isMalformed ? .local : .remote, error: error)
    }
    if error is CancellationError {
      return TunnelEnd(initiator: .local, error: nil)
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
