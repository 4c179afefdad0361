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

internal import GRPCTunnelTestSupport

extension ManualClock {
  /// Waits until a timer is slept for, the first one after that of the handshake. That one, of 10 s, may
  /// still be slept for: so 10 s pass on the way.
  func passHandshake(before timer: Duration) async throws {
    try await self.waitForSleeper(until: .seconds(10) ... timer)
    self.advance(by: .seconds(10))
    try await self.waitForSleeper(until: timer)
  }
}
