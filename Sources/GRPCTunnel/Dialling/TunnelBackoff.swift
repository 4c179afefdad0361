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

/// How long to wait before a lost or refused tunnel is opened again: a random time up to a bound
/// that grows with each failure ("full jitter"), so that many clients do not come back at once.
public struct TunnelBackoff: Sendable, Hashable {
  /// The bound for the first wait.
  public var initial: Duration

  /// The bound never grows past this.
  public var maximum: Duration

  /// What the bound is multiplied with after each failure.
  public var multiplier: Double

  /// A tunnel that was open for this long makes the bound start again.
  public var resetAfter: Duration

  /// Creates a backoff; see ``defaults``.
  public init(initial: Duration, maximum: Duration, multiplier: Double, resetAfter: Duration) {
    self.initial = initial
    self.maximum = maximum
    self.multiplier = multiplier
    self.resetAfter = resetAfter
  }

  /// Waits up to 1 s at first, 1.6 times more after each failure, up to 30 s; starts again after a
  /// tunnel that was open for 30 s.
  public static var defaults: TunnelBackoff {
    TunnelBackoff(
      initial: .seconds(1),
      maximum: .seconds(30),
      multiplier: 1.6,
      resetAfter: .seconds(30)
    )
  }

  /// The bound of the wait after a number of failures in a row, the first being 0.
  func bound(failures: Int) -> Duration {
    var bound = self.initial
    for _ in 0 ..< max(0, failures) {
      bound = bound * max(1, self.multiplier)
      if bound >= self.maximum { break }
    }
    return max(.zero, min(bound, self.maximum))
  }

  /// The wait after a number of failures in a row.
  ///
  /// - Parameter random: From 0 up to, but not including, 1.
  func delay(failures: Int, random: Double) -> Duration {
    self.bound(failures: failures) * random
  }
}
