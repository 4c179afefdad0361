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

internal import GRPCTunnelProtocol

/// Tunnels of which any can take an RPC, kept in the order in which they are to be chosen.
///
/// Choosing takes constant time, a change logarithmic time in the number of tunnels.
struct TunnelPool: Sendable {
  /// How well a tunnel suits: the least is best.
  private struct Rank: Comparable, Sendable {
    var suitability: Suitability
    var load: Int
    /// When it was last chosen.
    var turn: UInt64

    static func < (lhs: Rank, rhs: Rank) -> Bool {
      (lhs.suitability, lhs.load, lhs.turn) < (rhs.suitability, rhs.load, rhs.turn)
    }
  }

  enum Suitability: Int, Comparable, Sendable {
    case ready
    /// RPCs have to wait.
    case busy

    static func < (lhs: Suitability, rhs: Suitability) -> Bool {
      lhs.rawValue < rhs.rawValue
    }

    /// nil for a tunnel that is in no pool.
    init?(_ readiness: TunnelReadiness) {
      switch readiness {
      case .ready: self = .ready
      case .silent, .full, .suspended: self = .busy
      case .opening, .draining, .closing, .closed: return nil
      }
    }
  }

  enum Choice: Hashable, Sendable {
    /// A tunnel that takes the RPC now.
    case usable(TunnelID)
    /// There is none, but this one may take it later.
    case busy(TunnelID)
    case none
  }

  private var byTurn = IndexedHeap<TunnelID, Rank>()
  private var byLoad = IndexedHeap<TunnelID, Rank>()
  private var lastTurn: UInt64 = 0

  var count: Int {
    self.byTurn.count
  }

  var isEmpty: Bool {
    self.byTurn.isEmpty
  }

  /// Adds a tunnel, behind the others, or changes what is known of it.
  mutating func set(_ id: TunnelID, _ suitability: Suitability, load: Int) {
    let turn = self.byTurn.priority(of: id)?.turn ?? self.nextTurn()
    self.set(id, suitability, load: load, turn: turn)
  }

  mutating func remove(_ id: TunnelID) {
    self.byTurn.remove(id)
    self.byLoad.remove(id)
  }

  /// The best of the tunnels that are not in a set, in time linear in the size of the set.
  func choose(_ picker: ReverseTunnelPicker, excluding excluded: Set<TunnelID>) -> Choice {
    let best =
      switch picker.strategy {
      case .roundRobin: self.byTurn.first(excluding: excluded)
      case .leastOutstanding: self.byLoad.first(excluding: excluded)
      }
    guard let best else { return .none }
    return best.priority.suitability == .busy ? .busy(best.id) : .usable(best.id)
  }

  /// The tunnel was chosen: its turn is over.
  mutating func chosen(_ id: TunnelID, load: Int) {
    guard let rank = self.byTurn.priority(of: id) else { return }
    self.set(id, rank.suitability, load: load, turn: self.nextTurn())
  }

  mutating func setLoad(of id: TunnelID, _ load: Int) {
    guard let rank = self.byTurn.priority(of: id) else { return }
    self.set(id, rank.suitability, load: load, turn: rank.turn)
  }

  private mutating func nextTurn() -> UInt64 {
    self.lastTurn += 1
    return self.lastTurn
  }

  private mutating func set(_ id: TunnelID, _ suitability: Suitability, load: Int, turn: UInt64) {
    let rank = Rank(suitability: suitability, load: 0, turn: turn)
    // Which is not changed by the end of an RPC.
    if self.byTurn.priority(of: id) != rank { self.byTurn.set(id, rank) }
    self.byLoad.set(id, Rank(suitability: suitability, load: load, turn: turn))
  }
}
