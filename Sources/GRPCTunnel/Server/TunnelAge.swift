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

/// How old a tunnel may become before the end that accepted it drains it.
struct TunnelAge: Sendable {
  /// A tunnel that may become older than this may become any age.
  private static let longest = Duration.seconds(100 * 365 * 24 * 60 * 60)

  private let maximum: Duration?
  private let clock: TunnelClock

  /// - Parameter random: From 0 up to 1: tunnels that were opened at once are not drained at once, but
  ///   within a fifth of the age.
  init(_ limits: TunnelConfig.Limits, random: Double, clock: TunnelClock) {
    self.maximum = limits.maximumTunnelAge.map {
      min(max($0, .zero), Self.longest) * (0.9 + 0.2 * random)
    }
    self.clock = clock
  }

  /// Whether a tunnel becomes too old at all.
  var isLimited: Bool {
    self.maximum != nil
  }

  /// Suspends until a tunnel that is opened now is too old.
  ///
  /// - Returns: Whether it is: it may last for ever, or the task was cancelled.
  func wait() async -> Bool {
    guard let maximum = self.maximum else { return false }
    do {
      try await self.clock.sleep(self.clock.now() + maximum)
      return true
    } catch {
      return false
    }
  }
}
