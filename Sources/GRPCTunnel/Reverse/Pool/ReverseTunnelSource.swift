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

/// Where a transport gets the tunnels for its RPCs.
protocol ReverseTunnelSource: Sendable {
  /// What the source is called in errors.
  var name: String { get }

  /// Whether an RPC that one tunnel refuses may find another.
  var hasSeveralTunnels: Bool { get }

  /// Takes a place without waiting.
  func placeAtOnce(for wish: ReverseTunnelWish) -> ReverseTunnelPlaceAtOnce

  /// Waits for a place.
  ///
  /// - Returns: nil when there is no tunnel.
  /// - Throws: `RPCError` when the task is cancelled.
  func place(for wish: ReverseTunnelWish) async throws -> ReverseTunnelPlace?
}

/// What an RPC asks of a source.
struct ReverseTunnelWish: Sendable {
  /// Tunnels that have refused the RPC.
  var tried: Set<TunnelID> = []

  /// Whether the RPC waits when there is no tunnel.
  var waitsForTunnels: Bool
}

/// What there is for an RPC without waiting.
enum ReverseTunnelPlaceAtOnce: Sendable {
  case place(ReverseTunnelPlace)
  /// It can wait.
  case wait
  case noTunnel
}

/// All tunnels of a registry, or those of a key.
struct TunnelPoolSource<Key: Hashable & Sendable>: ReverseTunnelSource {
  let registry: ReverseTunnelRegistry<Key>
  let selection: TunnelDirectory<Key>.Selection
  let picker: ReverseTunnelPicker

  var name: String {
    switch self.selection {
    case .all: "any key"
    case .key(let key): "the key '\(key)'"
    }
  }

  var hasSeveralTunnels: Bool {
    true
  }

  func placeAtOnce(for wish: ReverseTunnelWish) -> ReverseTunnelPlaceAtOnce {
    self.registry.placeAtOnce(self.request(wish))
  }

  func place(for wish: ReverseTunnelWish) async throws -> ReverseTunnelPlace? {
    try await self.registry.place(self.request(wish))
  }

  private func request(_ wish: ReverseTunnelWish) -> TunnelDirectory<Key>.Request {
    TunnelDirectory<Key>.Request(
      selection: self.selection,
      picker: self.picker,
      tried: wish.tried,
      waitsForTunnels: wish.waitsForTunnels
    )
  }
}

/// One tunnel, which never comes back once it is gone: there is nothing to wait for then.
struct OneTunnelSource<Key: Hashable & Sendable>: ReverseTunnelSource {
  let registry: ReverseTunnelRegistry<Key>
  let id: TunnelID

  var name: String {
    "\(self.id)"
  }

  var hasSeveralTunnels: Bool {
    false
  }

  func placeAtOnce(for wish: ReverseTunnelWish) -> ReverseTunnelPlaceAtOnce {
    guard let tunnel = self.registry.tunnel(self.id) else { return .noTunnel }
    switch tunnel.session.reserveStreamIfReady().result {
    case .reserved: return .place(self.place(in: tunnel))
    case .wait: return .wait
    case .failed: return .noTunnel
    }
  }

  func place(for wish: ReverseTunnelWish) async throws -> ReverseTunnelPlace? {
    guard let tunnel = self.registry.tunnel(self.id) else { return nil }
    do {
      try await tunnel.session.reserveStream()
      return self.place(in: tunnel)
    } catch {
      if Task.isCancelled { throw error }
      return nil
    }
  }

  private func place(in tunnel: ReverseTunnel) -> ReverseTunnelPlace {
    self.registry.rpcBegan(in: self.id)
    return ReverseTunnelPlace(tunnel: tunnel) { self.registry.rpcEnded(in: self.id) }
  }
}
