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

/// RPCs that wait for a tunnel or for a place in one, in the order in which they came.
///
/// Those that have been refused by the same tunnels are one group: whatever happens to a tunnel, it is
/// asked once for each group, of which there are few, and not for each RPC.
struct WaitingRPCs: Sendable {
  typealias Ticket = UInt64

  /// Which RPCs wait together.
  struct Group: Hashable, Sendable {
    /// The tunnels that have refused them.
    var tried: Set<TunnelID>
    /// Whether they wait even when there is no tunnel.
    var waitsForTunnels: Bool
  }

  private var queues: [Group: WaiterQueue<ReverseTunnelPicker>] = [:]

  var isEmpty: Bool {
    self.queues.isEmpty
  }

  /// Whether RPCs wait that were refused by the same tunnels, whatever they wait for.
  func areWaiting(_ tried: Set<TunnelID>) -> Bool {
    self.queues[Group(tried: tried, waitsForTunnels: true)] != nil
      || self.queues[Group(tried: tried, waitsForTunnels: false)] != nil
  }

  mutating func append(_ ticket: Ticket, _ picker: ReverseTunnelPicker, to group: Group) {
    self.queues[group, default: WaiterQueue()].append(ticket, picker)
  }

  /// - Returns: Whether the RPC was there.
  mutating func remove(_ ticket: Ticket, from group: Group) -> Bool {
    let wasThere = self.queues[group]?.remove(ticket) ?? false
    if self.queues[group]?.isEmpty ?? false {
      self.queues.removeValue(forKey: group)
    }
    return wasThere
  }

  /// The RPC that has waited longest of those for which there is a tunnel now.
  mutating func first(in tunnels: TunnelPool) -> (ticket: Ticket, tunnel: TunnelID)? {
    var best: (ticket: Ticket, tunnel: TunnelID)?
    // A copy of the keys: the dictionary's own would share its storage, and each change copy all of it.
    for group in Array(self.queues.keys) {
      guard let (ticket, picker) = self.queues[group]?.first,
        best.map({ ticket < $0.ticket }) ?? true,
        case .usable(let tunnel) = tunnels.choose(picker, excluding: group.tried)
      else { continue }
      best = (ticket, tunnel)
    }
    return best
  }

  /// Takes out those for which there is nothing to wait for.
  mutating func removeHopeless(in tunnels: TunnelPool) -> [Ticket] {
    var tickets: [Ticket] = []
    for group in Array(self.queues.keys) where !group.waitsForTunnels {
      guard case .none = tunnels.choose(.roundRobin, excluding: group.tried) else { continue }
      tickets += self.queues[group]?.removeAll() ?? []
      self.queues.removeValue(forKey: group)
    }
    return tickets
  }
}
