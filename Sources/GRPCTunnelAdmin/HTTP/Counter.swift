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

/// Counts what is open, up to a limit.
final class Counter: Sendable {
  private let count = LockedValue(0)

  /// - Returns: Whether there is one more now.
  func increment(upTo limit: Int) -> Bool {
    self.count.withLock { count in
      if count >= limit { return false }
      count += 1
      return true
    }
  }

  func decrement() {
    self.count.withLock { $0 -= 1 }
  }
}
