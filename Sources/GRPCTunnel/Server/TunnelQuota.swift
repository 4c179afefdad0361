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

/// Counts the tunnels that a server has accepted, and those that it is about to, and refuses more than
/// there may be.
final class TunnelQuota<Key: Hashable & Sendable>: Sendable {
  private struct State {
    var count = 0
    var counts: [Key: Int] = [:]
  }

  private let maximumCount: Int
  private let maximumCountPerKey: Int
  private let state = LockedValue(State())

  init(_ limits: TunnelConfig.Limits) {
    self.maximumCount = limits.maximumTunnels
    self.maximumCountPerKey = limits.maximumTunnelsPerKey
  }

  /// Takes a place for a tunnel.
  func take() throws(RPCError) -> Place {
    let isTaken = self.state.withLock { state in
      guard state.count < self.maximumCount else { return false }
      state.count += 1
      return true
    }
    guard isTaken else {
      throw RPCError(
        code: .resourceExhausted,
        message: "The limit of \(self.maximumCount) tunnels of this service is reached."
      )
    }
    return Place(self)
  }

  private func take(_ key: Key, replacesAnother: Bool) throws(RPCError) {
    let isTaken = self.state.withLock { state in
      let count = state.counts[key, default: 0]
      // Those that are replaced end soon, and are no more than those that replace them.
      let others = replacesAnother ? count - self.maximumCountPerKey : count
      guard others < self.maximumCountPerKey else { return false }
      state.counts[key, default: 0] += 1
      return true
    }
    guard isTaken else {
      throw RPCError(
        code: .resourceExhausted,
        message: "The limit of \(self.maximumCountPerKey) tunnels with the same key is reached."
      )
    }
  }

  private func giveBack(_ key: Key?) {
    self.state.withLock { state in
      state.count -= 1
      guard let key, let count = state.counts[key] else { return }
      state.counts[key] = count > 1 ? count - 1 : nil
    }
  }
}

extension TunnelQuota {
  /// The place of one tunnel. It is given back at the latest when nobody holds it any more: a carrier
  /// may end before its handler has begun to run the tunnel.
  final class Place: Sendable {
    private enum State {
      case taken(Key?)
      case givenBack
    }

    private let quota: TunnelQuota
    private let state: LockedValue<State>

    fileprivate init(_ quota: TunnelQuota) {
      self.quota = quota
      self.state = LockedValue(.taken(nil))
    }

    deinit {
      self.giveBack()
    }

    /// Counts the tunnel among those of a key. Call it once.
    ///
    /// - Parameter replacesAnother: Whether another one ends when this one is open. Until then there
    ///   may be as many again.
    func count(as key: Key, replacesAnother: Bool) throws(RPCError) {
      try self.quota.take(key, replacesAnother: replacesAnother)
      self.state.withLock { $0 = .taken(key) }
    }

    /// The tunnel is gone.
    func giveBack() {
      let state = self.state.withLock { state in
        defer { state = .givenBack }
        return state
      }
      switch state {
      case .taken(let key): self.quota.giveBack(key)
      case .givenBack: ()
      }
    }
  }
}
