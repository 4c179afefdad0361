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

internal import GRPCTunnel

/// A wish to shut down gracefully: made once or more, by anyone.
final class ShutdownRequest: Sendable {
  private let event = OneShotEvent()

  var isMade: Bool {
    self.event.hasHappened
  }

  func make() {
    self.event.fire()
  }

  /// Suspends until the wish and a time after it.
  ///
  /// - Returns: false when the task was cancelled before that.
  func wait(andThen duration: Duration) async -> Bool {
    do {
      try await self.event.wait()
      try await Task.sleep(for: duration)
      return true
    } catch {
      return false
    }
  }
}
