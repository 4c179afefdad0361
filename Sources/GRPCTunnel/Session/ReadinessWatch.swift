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

internal import GRPCTunnelProtocol

/// Tells somebody how ready a tunnel is for another RPC, whenever that changes.
struct ReadinessWatch<Machine: TunnelStateMachine>: Sendable {
  private let look: @Sendable (Machine) -> TunnelReadiness
  private let tell: @Sendable (_ readiness: TunnelReadiness, _ version: UInt64) -> Void
  private(set) var readiness: TunnelReadiness

  /// Grows with each change: those who are told without a lock may be told in another order.
  private(set) var version: UInt64 = 0

  init(
    look: @escaping @Sendable (Machine) -> TunnelReadiness,
    tell: @escaping @Sendable (_ readiness: TunnelReadiness, _ version: UInt64) -> Void
  ) {
    self.look = look
    self.tell = tell
    self.readiness = .opening
  }

  /// - Returns: What tells of a change, to be called without a lock; nil when nothing has changed.
  mutating func note(_ machine: Machine) -> (@Sendable () -> Void)? {
    let readiness = self.look(machine)
    if readiness == self.readiness { return nil }
    self.readiness = readiness
    self.version += 1
    return { [tell, version] in tell(readiness, version) }
  }
}

extension TunnelSession.State {
  mutating func collectReadiness(into wakeups: inout Wakeups<Machine.Part>) {
    wakeups.readiness = self.watch?.note(self.machine) ?? wakeups.readiness
  }
}

extension TunnelSession where Machine == TunnelClientStateMachine {
  /// Has somebody told, without a lock, how ready the tunnel is. Called once, before the tunnel opens.
  func watchReadiness(
    _ tell: @escaping @Sendable (_ readiness: TunnelReadiness, _ version: UInt64) -> Void
  ) {
    self.state.withLock { $0.watch = ReadinessWatch(look: { $0.readiness }, tell: tell) }
  }

  /// Takes a place for a stream if there is one.
  ///
  /// - Returns: With the result, how ready the tunnel is then: not ready when there was no place.
  func reserveStreamIfReady() -> (result: ReserveResult, TunnelReadiness, version: UInt64) {
    var wakeups = Wakeups<Part>()
    let outcome = self.state.withLock { state in
      // Nobody overtakes those who wait in this tunnel already.
      let result = state.places.isEmpty ? state.machine.reserveStream() : .wait
      state.collectReadiness(into: &wakeups)
      let readiness = state.machine.readiness
      return (
        result: result,
        readiness == .ready && !result.isReserved ? .full : readiness,
        version: state.watch?.version ?? 0
      )
    }
    wakeups.resume()
    return outcome
  }
}

extension ReserveResult {
  var isReserved: Bool {
    switch self {
    case .reserved: true
    case .wait, .failed: false
    }
  }
}
