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

/// The tunnels of a ``ReverseTunnels``, those who wait for one, and those who watch.
final class ReverseTunnelRegistry<Key: Hashable & Sendable>: Sendable {
  /// Which tunnels are meant.
  enum Selection: Hashable, Sendable {
    case all
    case key(Key)
    case tunnel(TunnelID)
  }

  private struct Entry {
    var tunnel: ReverseTunnel
    var key: Key
    var wasOpened: Bool
  }

  private struct Waiter {
    var selection: Selection
    var continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var entries: [TunnelID: Entry] = [:]
    var all = TunnelPool()
    var pools: [Key: TunnelPool] = [:]
    var waiters: [UInt64: Waiter] = [:]
    var watchers: [UInt64: AsyncStream<ReverseTunnelEvent<Key>>.Continuation] = [:]
    var nextID: UInt64 = 0
  }

  private let state = LockedValue(State())

  // MARK: - Tunnels come and go

  func add(_ tunnel: ReverseTunnel, key: Key) {
    self.state.withLock { state in
      state.entries[tunnel.id] = Entry(tunnel: tunnel, key: key, wasOpened: false)
      state.all.add(tunnel)
      state.pools[key, default: TunnelPool()].add(tunnel)
    }
  }

  /// The tunnel opened, or drains.
  func changed(_ tunnel: ReverseTunnel, key: Key) {
    guard tunnel.isOpen, let information = tunnel.session.information else { return }
    let id = tunnel.id
    let (waiters, watchers) = self.state.withLock { state in
      let isFirst = state.entries[id].map { !$0.wasOpened } ?? false
      state.entries[id]?.wasOpened = true
      let selections: Set<Selection> = [.all, .key(key), .tunnel(id)]
      let waiters = state.waiters.filter { selections.contains($0.value.selection) }
      for id in waiters.keys {
        state.waiters.removeValue(forKey: id)
      }
      return (Array(waiters.values), isFirst ? Array(state.watchers.values) : [])
    }
    for watcher in watchers {
      watcher.yield(.opened(information, key: key))
    }
    for waiter in waiters {
      waiter.continuation.resume()
    }
  }

  func remove(_ tunnel: ReverseTunnel, key: Key) {
    let id = tunnel.id
    let (wasOpened, watchers) = self.state.withLock { state in
      let entry = state.entries.removeValue(forKey: id)
      state.all.remove(tunnel)
      state.pools[key]?.remove(tunnel)
      if state.pools[key]?.isEmpty ?? false {
        state.pools.removeValue(forKey: key)
      }
      return (entry?.wasOpened ?? false, Array(state.watchers.values))
    }
    guard wasOpened, let information = tunnel.session.information,
      let end = tunnel.session.inspect({ $0.closure })
    else { return }
    for watcher in watchers {
      watcher.yield(.closed(information, key: key, closure: TunnelClosure(end)))
    }
  }

  // MARK: - Choosing

  func transport(for selection: Selection, clock: TunnelClock) -> ReverseTunnelClientTransport {
    let name: String
    var wait: (@Sendable () async throws -> Void)? = { try await self.waitUntilReady(selection) }
    switch selection {
    case .all:
      name = "any key"
    case .key(let key):
      name = "the key '\(key)'"
    case .tunnel(let id):
      name = "\(id)"
      // One that is gone never comes back.
      wait = nil
    }
    return ReverseTunnelClientTransport(
      name: name,
      clock: clock,
      pick: { self.pick(selection, tried: $0) },
      waitUntilReady: wait
    )
  }

  private func pick(_ selection: Selection, tried: Set<TunnelID>) -> ReverseTunnel? {
    self.state.withLock { state in
      switch selection {
      case .all:
        return state.all.next(tried: tried)
      case .key(let key):
        return state.pools[key]?.next(tried: tried)
      case .tunnel(let id):
        guard let tunnel = state.entries[id]?.tunnel, tunnel.isUsable, !tried.contains(id) else {
          return nil
        }
        return tunnel
      }
    }
  }

  func isReady(_ selection: Selection) -> Bool {
    self.state.withLock { Self.isReady(selection, $0) }
  }

  private static func isReady(_ selection: Selection, _ state: State) -> Bool {
    switch selection {
    case .all: state.all.isOpen
    case .key(let key): state.pools[key]?.isOpen ?? false
    case .tunnel(let id): state.entries[id]?.tunnel.isOpen ?? false
    }
  }

  func waitUntilReady(_ selection: Selection) async throws {
    let id = self.nextID()
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let result: Result<Void, any Error>? = self.state.withLock { state in
          if Self.isReady(selection, state) { return .success(()) }
          // A cancellation that came before this has found nobody to resume.
          if Task.isCancelled { return .failure(CancellationError()) }
          state.waiters[id] = Waiter(selection: selection, continuation: continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let waiter = self.state.withLock { $0.waiters.removeValue(forKey: id) }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }

  // MARK: - Observing

  var tunnels: [(tunnel: TunnelInformation, key: Key)] {
    let entries = self.state.withLock { Array($0.entries.values) }
    return entries.compactMap { entry in
      entry.tunnel.session.information.map { ($0, entry.key) }
    }.sorted { $0.0.id < $1.0.id }
  }

  var events: AsyncStream<ReverseTunnelEvent<Key>> {
    let id = self.nextID()
    let (stream, continuation) = AsyncStream.makeStream(
      of: ReverseTunnelEvent<Key>.self,
      bufferingPolicy: .bufferingNewest(1024)
    )
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.watchers.removeValue(forKey: id) }
    }
    self.state.withLock { $0.watchers[id] = continuation }
    return stream
  }

  private func nextID() -> UInt64 {
    self.state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
  }
}

/// Tunnels that serve the same, used in turn.
struct TunnelPool {
  private var tunnels: [ReverseTunnel] = []
  private var index = 0

  var isEmpty: Bool {
    self.tunnels.isEmpty
  }

  var isOpen: Bool {
    self.tunnels.contains { $0.isOpen }
  }

  mutating func add(_ tunnel: ReverseTunnel) {
    self.tunnels.append(tunnel)
  }

  mutating func remove(_ tunnel: ReverseTunnel) {
    self.tunnels.removeAll { $0 === tunnel }
  }

  /// The next tunnel that takes an RPC at once; else the next in which an RPC can wait for a place,
  /// rather one that is open than one that is being opened.
  mutating func next(tried: Set<TunnelID>) -> ReverseTunnel? {
    let isNew = { (tunnel: ReverseTunnel) in !tried.contains(tunnel.id) }
    return self.next { isNew($0) && $0.isReady } ?? self.next { isNew($0) && $0.isOpen }
      ?? self.next { isNew($0) && $0.isUsable }
  }

  private mutating func next(where isSuitable: (ReverseTunnel) -> Bool) -> ReverseTunnel? {
    for offset in self.tunnels.indices {
      let index = (self.index + offset) % self.tunnels.count
      if isSuitable(self.tunnels[index]) {
        self.index = index + 1
        return self.tunnels[index]
      }
    }
    return nil
  }
}
