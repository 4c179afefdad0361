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

/// What the peers of several tunnels may make this end keep together, in bytes: who keeps more than a
/// little takes a share, and gives it back.
final class UnreadBudget: Sendable {
  let limit: Int
  private let taken = LockedValue(0)

  init(limit: Int) {
    self.limit = max(0, limit)
  }

  /// The bytes that are taken.
  var takenByteCount: Int {
    self.taken.withLock { $0 }
  }

  fileprivate func take(_ count: Int) -> Bool {
    self.taken.withLock { taken in
      guard count <= self.limit - taken else { return false }
      taken += count
      return true
    }
  }

  fileprivate func giveBack(_ count: Int) {
    self.taken.withLock { $0 -= count }
  }
}

extension UnreadBudget {
  /// One tunnel's share. It changes in large steps, so that tunnels seldom meet at the budget.
  struct Share: Sendable {
    /// What every tunnel may keep without asking, in bytes: others that keep as much as there is must
    /// not bring a tunnel to a standstill.
    static let free = 65_536

    private static let step = 65_536

    /// nil where there is no limit.
    let budget: UnreadBudget?
    private var taken = 0
    /// What the tunnel kept when it was last asked about.
    private var count = 0

    init(of budget: UnreadBudget?) {
      self.budget = budget
    }

    /// Makes the share fit what the tunnel keeps.
    ///
    /// - Returns: false when the tunnel keeps more than before, and the budget has no more.
    mutating func fit(_ count: Int) -> Bool {
      guard let budget = self.budget else { return true }
      let hasGrown = count > self.count
      self.count = count
      let needed = count - Self.free
      if needed > self.taken {
        let steps = (needed - self.taken - 1) / Self.step + 1
        guard budget.take(steps * Self.step) else { return !hasGrown }
        self.taken += steps * Self.step
      } else if self.taken > 0, needed <= 0 || needed < self.taken - 4 * Self.step {
        let kept = needed <= 0 ? 0 : ((needed - 1) / Self.step + 1) * Self.step
        budget.giveBack(self.taken - kept)
        self.taken = kept
      }
      return true
    }

    /// Gives everything back: the tunnel is gone.
    mutating func release() {
      self.budget?.giveBack(self.taken)
      self.taken = 0
    }
  }
}
