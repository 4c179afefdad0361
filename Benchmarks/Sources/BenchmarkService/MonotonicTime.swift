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

internal import Foundation

/// A point in time that is the same in all processes of a machine.
package struct MonotonicTime: Comparable, Sendable {
  package let nanoseconds: UInt64

  package static func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  package static func < (lhs: MonotonicTime, rhs: MonotonicTime) -> Bool {
    lhs.nanoseconds < rhs.nanoseconds
  }

  package func advanced(by duration: Duration) -> MonotonicTime {
    let nanoseconds = UInt64(max(0, duration / .nanoseconds(1)))
    return MonotonicTime(nanoseconds: self.nanoseconds + nanoseconds)
  }

  package func duration(to later: MonotonicTime) -> Duration {
    .nanoseconds(Int64(clamping: later.nanoseconds) - Int64(clamping: self.nanoseconds))
  }
}
