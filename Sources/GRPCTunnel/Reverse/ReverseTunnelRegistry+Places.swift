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

// MARK: - Places for RPCs

extension ReverseTunnelRegistry {
  private enum Choice {
    case take(ReverseTunnel)
    case wait
    case noTunnel
  }

  /// Takes a place without waiting.
  func placeAtOnce(_ request: Directory.Request) -> ReverseTunnelPlaceAtOnce {
    while true {
      let choice: Choice = self.state.withLock { state in
        switch state.directory.answer(request, ticket: nil) {
        case .tunnel(let id): state.records[id].map { .take($0.tunnel) } ?? .noTunnel
        case .wait, .queued: .wait
        case .none: .noTunnel
        }
      }
      switch choice {
      case .take(let tunnel):
        if let place = self.place(in: tunnel) { return .place(place) }
      case .wait:
        return .wait
      case .noTunnel:
        return .noTunnel
      }
    }
  }

  /// Waits for a place.
  ///
  /// - Returns: nil when there is no tunnel.
  /// - Throws: `RPCError` when the task is cancelled.
  func place(_ request: Directory.Request) async throws -> ReverseTunnelPlace? {
    while true {
      switch self.placeAtOnce(request) {
      case .place(let place): return place
      case .noTunnel: return nil
      case .wait: ()
      }
      let outcome = try await self.wait { state, ticket in
        switch state.directory.answer(request, ticket: ticket) {
        case .queued(let isTunnelUsable):
          return .queued(serving: isTunnelUsable ? [request.selection] : [])
        case .tunnel(let id):
          // There is one by now, as asking without a ticket will show.
          state.directory.rpcEnded(in: id)
          return .called(.ready)
        case .wait, .none:
          return .called(.noTunnel)
        }
      }
      switch outcome {
      case .place(let place): return place
      case .call(.noTunnel): return nil
      case .call(.ready): ()
      }
    }
  }

  /// A place in a tunnel that was chosen; nil when it has none after all.
  private func place(in tunnel: ReverseTunnel) -> ReverseTunnelPlace? {
    let id = tunnel.id
    let (result, readiness, version) = tunnel.session.reserveStreamIfReady()
    if result.isReserved {
      return ReverseTunnelPlace(tunnel: tunnel) { self.rpcEnded(in: id) }
    }
    self.apply(to: id, serves: false) { directory in
      directory.rpcEnded(in: id)
      return directory.update(id, readiness, version: version)
    }
    return nil
  }

  func rpcBegan(in id: TunnelID) {
    self.state.withLock { $0.directory.rpcBegan(in: id) }
  }

  func rpcEnded(in id: TunnelID) {
    self.state.withLock { $0.directory.rpcEnded(in: id) }
  }

  /// Takes places for those who wait, as long as there are both.
  func serve(_ selections: [Selection]) {
    while true {
      let next: (job: Directory.Job, tunnel: ReverseTunnel)? = self.state.withLock { state in
        guard let job = state.directory.nextJob(in: selections),
          let tunnel = state.records[job.tunnel]?.tunnel
        else { return nil }
        return (job, tunnel)
      }
      guard let next else { return }
      guard let place = self.place(in: next.tunnel) else { continue }
      let waiter = self.state.withLock { state in
        state.directory.finish(next.job) ? state.waiters.removeValue(forKey: next.job.ticket) : nil
      }
      if let waiter {
        waiter.resume(returning: .place(place))
      } else {
        place.giveBack()
      }
    }
  }

  // MARK: - Waiting

  enum WaitStart {
    /// The ticket is in the directory; places are to be taken for those who wait there.
    case queued(serving: [Selection])
    case called(Directory.Call)
  }

  /// Draws a ticket, and waits until it is called up.
  private func wait(
    _ start: (inout State, Ticket) -> WaitStart
  ) async throws -> Outcome {
    let ticket = self.state.withLock { $0.nextNumber() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<WaitStart, RPCError> = self.state.withLock { state in
          // A cancellation that came before this has found nobody to resume.
          if Task.isCancelled { return .failure(.cancelledByTask) }
          let result = start(&state, ticket)
          if case .queued = result { state.waiters[ticket] = continuation }
          return .success(result)
        }
        switch result {
        case .success(.queued(let selections)):
          if !selections.isEmpty { self.serve(selections) }
        case .success(.called(let call)):
          continuation.resume(returning: .call(call))
        case .failure(let error):
          continuation.resume(throwing: error)
        }
      }
    } onCancel: {
      let waiter = self.state.withLock { state in
        state.directory.cancel(ticket)
        return state.waiters.removeValue(forKey: ticket)
      }
      waiter?.resume(throwing: RPCError.cancelledByTask)
    }
  }

  // MARK: - Readiness

  func isReady(_ selection: Selection) -> Bool {
    self.state.withLock { $0.directory.isReady(selection) }
  }

  /// Suspends until there is a tunnel.
  ///
  /// - Throws: `CancellationError` when the task is cancelled.
  func waitUntilReady(_ selection: Selection) async throws {
    do {
      _ = try await self.wait { state, ticket in
        state.directory.waitUntilReady(selection, ticket: ticket)
          ? .called(.ready) : .queued(serving: [])
      }
    } catch {
      throw CancellationError()
    }
  }
}
