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

/// The time of one session, as a duration since an origin: real, or set by hand in tests.
package struct TunnelClock: Sendable {
  /// The time now.
  package let now: @Sendable () -> Duration

  /// Suspends until a time; throws when the task is cancelled.
  package let sleep: @Sendable (_ time: Duration) async throws -> Void

  /// What times are counted from, for those who are shown one.
  package let origin: ContinuousClock.Instant

  package init(
    origin: ContinuousClock.Instant = .now,
    now: @escaping @Sendable () -> Duration,
    sleep: @escaping @Sendable (_ time: Duration) async throws -> Void
  ) {
    self.origin = origin
    self.now = now
    self.sleep = sleep
  }

  /// The time since the process first asked for it.
  package static let continuous: TunnelClock = {
    let clock = ContinuousClock()
    let origin = clock.now
    return TunnelClock(
      origin: origin,
      now: { origin.duration(to: clock.now) },
      sleep: { try await clock.sleep(until: origin + $0) }
    )
  }()
}
