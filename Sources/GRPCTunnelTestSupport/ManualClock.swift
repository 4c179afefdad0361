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

package import GRPCTunnel

/// A clock that stands still until it is told to go on.
package final class ManualClock: Sendable {
  private struct State {
    var now = Duration.zero
    var nextID = 0
    var sleepers: [Int: (until: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
    /// Those who wait for a sleeper.
    var watchers: [(times: ClosedRange<Duration>, event: OneShotEvent)] = []
  }

  private let state = LockedValue(State())

  /// What shown times are counted from.
  package let origin = ContinuousClock.now

  package init() {}

  /// What the library is given.
  package var clock: TunnelClock {
    TunnelClock(origin: self.origin) {
      self.state.withLock { $0.now }
    } sleep: { time in
      try await self.sleep(until: time)
    }
  }

  /// Moves on, and wakes up those who sleep until then.
  package func advance(by duration: Duration) {
    let due = self.state.withLock { state in
      state.now += duration
      let due = state.sleepers.filter { $0.value.until <= state.now }
      for id in due.keys {
        state.sleepers.removeValue(forKey: id)
      }
      return due.values.map(\.continuation)
    }
    for continuation in due {
      continuation.resume()
    }
  }

  /// Suspends until somebody sleeps until this time, which is then safe to advance to.
  package func waitForSleeper(until time: Duration) async throws {
    try await self.waitForSleeper(until: time ... time)
  }

  /// Suspends until somebody sleeps until one of these times.
  package func waitForSleeper(until times: ClosedRange<Duration>) async throws {
    let event = OneShotEvent()
    let isThere = self.state.withLock { state in
      if state.sleepers.values.contains(where: { times.contains($0.until) }) { return true }
      state.watchers.append((times, event))
      return false
    }
    if !isThere { try await event.wait() }
  }

  private func sleep(until time: Duration) async throws {
    let id = self.state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<Void, any Error>? = self.state.withLock { state in
          // A cancellation that came before this has found nobody to resume.
          if Task.isCancelled { return .failure(CancellationError()) }
          if time <= state.now { return .success(()) }
          state.sleepers[id] = (time, continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
        self.tellWatchers(of: time)
      }
    } onCancel: {
      let sleeper = self.state.withLock { $0.sleepers.removeValue(forKey: id) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  private func tellWatchers(of time: Duration) {
    let watchers = self.state.withLock { state in
      let found = state.watchers.filter { $0.times.contains(time) }
      state.watchers.removeAll { $0.times.contains(time) }
      return found.map(\.event)
    }
    for watcher in watchers {
      watcher.fire()
    }
  }
}
