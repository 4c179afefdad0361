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

/// Counts the RPCs of a transport, so that it can wait for the last one.
package final class OpenStreams: Sendable {
  private struct State {
    var count = 0
    var isFinished = false
  }

  private let state = LockedValue(State())
  private let none = OneShotEvent()

  package init() {}

  /// Counts an RPC; false when no more are taken.
  package func start() -> Bool {
    self.state.withLock { state in
      guard !state.isFinished else { return false }
      state.count += 1
      return true
    }
  }

  package func end() {
    let isNone = self.state.withLock { state in
      state.count -= 1
      return state.isFinished && state.count == 0
    }
    if isNone { self.none.fire() }
  }

  /// Takes no more RPCs.
  package func finish() {
    let isNone = self.state.withLock { state in
      state.isFinished = true
      return state.count == 0
    }
    if isNone { self.none.fire() }
  }

  package func waitUntilNone() async throws {
    try await self.none.wait()
  }
}
