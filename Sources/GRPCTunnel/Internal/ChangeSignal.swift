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

/// Tells any number of tasks that something has changed, without saying what: they look.
///
/// Nothing is kept for those who are slow: they see what has become of it in the end.
package final class ChangeSignal: Sendable {
  private struct State {
    var changes: UInt64 = 0
    var next = OneShotEvent()
    var isFinished = false
  }

  private let state = LockedValue(State())

  package init() {}

  /// Something has changed. To be called after the change, without a lock.
  package func happen() {
    self.change { _ in }
  }

  /// Something has changed for the last time.
  package func finish() {
    self.change { $0.isFinished = true }
  }

  private func change(_ body: (inout State) -> Void) {
    let event = self.state.withLock { state in
      body(&state)
      state.changes += 1
      defer { state.next = OneShotEvent() }
      return state.next
    }
    event.fire()
  }

  /// What `read` gives, at once and after changes, to the last one. May repeat a value.
  package func values<Value: Sendable>(
    _ read: @escaping @Sendable () -> Value
  ) -> AsyncStream<Value> {
    // How many changes were seen; nil before the first value.
    let seen = LockedValue<UInt64?>(nil)
    return AsyncStream {
      while true {
        let (isNew, event): (Bool, OneShotEvent?) = self.state.withLock { state in
          let isNew = seen.withLock { seen in
            defer { seen = state.changes }
            return seen != state.changes
          }
          return (isNew, state.isFinished ? nil : state.next)
        }
        // Read after the count, so that no change goes unseen.
        if isNew { return read() }
        guard let event else { return nil }
        do {
          try await event.wait()
        } catch {
          return nil
        }
      }
    }
  }
}
