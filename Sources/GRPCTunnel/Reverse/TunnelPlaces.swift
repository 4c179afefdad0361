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

/// Which tunnel has which place: finds the one that a new tunnel replaces (PROTOCOL.md 10).
///
/// An identity counts only under the key that its tunnel was registered with. So who makes up that of
/// another can do no more than what comes with the key.
struct TunnelPlaces<Key: Hashable & Sendable, Tunnel: Sendable>: Sendable {
  private struct Place: Hashable {
    var key: Key
    var identity: TunnelIdentity
  }

  private var holders: [Place: (id: TunnelID, tunnel: Tunnel)] = [:]

  /// A tunnel is open, and takes its place.
  ///
  /// - Returns: The tunnel that it replaces; the tunnel itself when a later one is there already.
  mutating func opened(
    _ id: TunnelID,
    _ tunnel: Tunnel,
    key: Key,
    _ identity: TunnelIdentity
  ) -> Tunnel? {
    let place = Place(key: key, identity: identity)
    guard let holder = self.holders[place], holder.id != id else {
      self.holders[place] = (id, tunnel)
      return nil
    }
    if holder.id > id { return tunnel }
    self.holders[place] = (id, tunnel)
    return holder.tunnel
  }

  /// A tunnel has ended.
  mutating func closed(_ id: TunnelID, key: Key, _ identity: TunnelIdentity) {
    let place = Place(key: key, identity: identity)
    if self.holders[place]?.id == id {
      self.holders.removeValue(forKey: place)
    }
  }

  /// Whether there is a tunnel that one with this identity would replace.
  func isTaken(key: Key, _ identity: TunnelIdentity) -> Bool {
    self.holders[Place(key: key, identity: identity)] != nil
  }

  /// The number of places that are taken.
  var count: Int {
    self.holders.count
  }
}
