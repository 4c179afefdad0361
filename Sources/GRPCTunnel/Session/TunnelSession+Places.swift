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

// MARK: - Places for streams

extension TunnelSession {
  /// Takes a place for a stream, waiting for the tunnel to open or for another stream to end.
  ///
  /// - Parameter deadline: When the wait fails with `deadlineExceeded`.
  func reserveStream(until deadline: Duration? = nil) async throws {
    if try self.reserveStreamAtOnce(before: deadline) { return }
    let id = self.newWaiterID()
    try await withThrowingTaskGroup(of: Void.self) { group in
      if let deadline {
        group.addTask {
          try await self.clock.sleep(deadline)
          self.expireReservation(id)
        }
      }
      defer { group.cancelAll() }
      try await self.waitForPlace(id, before: deadline)
    }
  }

  /// - Returns: Whether there was a place; else there may be one later.
  private func reserveStreamAtOnce(before deadline: Duration?) throws -> Bool {
    if Task.isCancelled { throw RPCError.cancelledByTask }
    let now = self.clock.now()
    var wakeups = Wakeups<Part>()
    let result = self.state.withLock { state in
      let result = state.reserveStream(before: deadline, now: now)
      state.collectReadiness(into: &wakeups)
      return result
    }
    wakeups.resume()
    switch result {
    case .reserved: return true
    case .failed(let error): throw error
    case .wait: return false
    }
  }

  private func waitForPlace(_ id: UInt64, before deadline: Duration?) async throws {
    try await self.wait(id) { state, waiter in
      switch state.reserveStream(before: deadline, now: self.clock.now()) {
      case .reserved:
        return .success(())
      case .failed(let error):
        return .failure(error)
      case .wait:
        state.places.append(waiter)
        return nil
      }
    } remove: { state, id in
      state.removePlace(id)
    }
  }

  /// A waiter that comes after this sees for itself that its time is over.
  private func expireReservation(_ id: UInt64) {
    let waiter = self.state.withLock { $0.removePlace(id) }
    waiter?.continuation.resume(throwing: RPCError.deadlineExceededWaiting)
  }
}

extension TunnelSession.State {
  fileprivate mutating func reserveStream(
    before deadline: Duration?,
    now: Duration
  ) -> ReserveResult {
    if let deadline, deadline <= now { return .failed(.deadlineExceededWaiting) }
    // Nobody overtakes those who wait already.
    if !self.places.isEmpty, self.machine.closure == nil { return .wait }
    return self.machine.reserveStream()
  }

  fileprivate mutating func removePlace(_ id: UInt64) -> TunnelSession.Waiter? {
    guard let index = self.places.firstIndex(where: { $0.id == id }) else { return nil }
    return self.places.remove(at: index)
  }
}

extension RPCError {
  /// The RPC's deadline has passed before anything was sent.
  static var deadlineExceededWaiting: RPCError {
    RPCError(
      code: .deadlineExceeded,
      message: "The RPC's deadline has passed while it waited for a place in a tunnel."
    )
  }
}
