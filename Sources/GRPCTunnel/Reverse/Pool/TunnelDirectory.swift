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

/// Which tunnels there are and how ready they are, and who waits for one: the pure part of a
/// ``ReverseTunnelRegistry``.
///
/// What is told of a tunnel may be outdated when it arrives. So whoever is given a tunnel still has
/// to take a place in it, and reports when there was none. Nothing takes time linear in the number of
/// tunnels or RPCs, but for calling up everyone whom there is nothing to wait for any more.
struct TunnelDirectory<Key: Hashable & Sendable>: Sendable {
  typealias Ticket = UInt64

  /// The tunnels that an RPC can go through.
  enum Selection: Hashable, Sendable {
    case all
    case key(Key)
  }

  /// The wish of an RPC for a tunnel.
  struct Request: Sendable {
    var selection: Selection
    var picker: ReverseTunnelPicker
    /// Tunnels that have refused the RPC.
    var tried: Set<TunnelID> = []
    /// Whether the RPC waits when there is no tunnel.
    var waitsForTunnels: Bool
  }

  enum Answer: Hashable, Sendable {
    /// Take a place in this tunnel, and call ``rpcEnded(in:)`` in the end.
    case tunnel(TunnelID)
    /// Ask again with a ticket: there may be a tunnel later.
    case wait
    /// The ticket will be called up.
    ///
    /// - Parameter isTunnelUsable: Whether there is a tunnel, but others were there first.
    case queued(isTunnelUsable: Bool)
    case none
  }

  /// Why a ticket is called up without a tunnel.
  enum Call: Hashable, Sendable {
    /// Who waited for tunnels to be ready need not wait any more.
    case ready
    /// There is no tunnel any more.
    case noTunnel
  }

  /// What has become of a tunnel, for those who watch.
  enum Event: Hashable, Sendable {
    case opened
    case draining(TunnelEnd.Initiator)
    case closed
  }

  struct Changes: Sendable {
    var event: Event?
    var calls: [(ticket: Ticket, call: Call)] = []
  }

  /// A place is to be taken for who has waited longest.
  struct Job: Hashable, Sendable {
    var ticket: Ticket
    var tunnel: TunnelID
  }

  private struct Member: Sendable {
    let key: Key
    var readiness = TunnelReadiness.opening
    var version: UInt64 = 0
    /// Whether RPCs may go through the tunnel once it is open.
    var isOffered: Bool
    /// Whether the tunnel is, or was, in its pools.
    var wasOpened = false
    /// RPCs that were given the tunnel and have not ended.
    var load = 0

    var selections: [Selection] {
      [.all, .key(self.key)]
    }

    var isInPools: Bool {
      self.wasOpened && TunnelPool.Suitability(self.readiness) != nil
    }
  }

  private struct Pool: Sendable {
    var tunnels = TunnelPool()
    var waiting = WaitingRPCs()
    /// Those who wait until there is a tunnel.
    var watchers = WaiterQueue<Void>()

    var isIdle: Bool {
      self.tunnels.isEmpty && self.waiting.isEmpty && self.watchers.isEmpty
    }
  }

  private enum Place: Sendable {
    case waiting(Selection, WaitingRPCs.Group)
    case watching(Selection)
  }

  private var members: [TunnelID: Member] = [:]
  private var all = Pool()
  private var pools: [Key: Pool] = [:]
  private var places: [Ticket: Place] = [:]

  // MARK: - Tunnels

  /// - Parameter isOffered: Whether RPCs may go through the tunnel as soon as it is open.
  mutating func add(_ id: TunnelID, key: Key, isOffered: Bool) {
    self.members[id] = Member(key: key, isOffered: isOffered)
  }

  /// Whether the tunnel was added and has not closed.
  func contains(_ id: TunnelID) -> Bool {
    self.members[id] != nil
  }

  /// Whether RPCs may go through the tunnel, once it is open.
  func isOffered(_ id: TunnelID) -> Bool {
    self.members[id]?.isOffered ?? false
  }

  /// RPCs may go through the tunnel from now on.
  mutating func offer(_ id: TunnelID) -> Changes {
    guard let member = self.members[id], !member.isOffered else { return Changes() }
    self.members[id]?.isOffered = true
    return self.settle(id, before: member)
  }

  /// Takes note of how ready a tunnel is.
  ///
  /// - Parameter version: Grows with each change; what is older than what is known is ignored.
  mutating func update(_ id: TunnelID, _ readiness: TunnelReadiness, version: UInt64) -> Changes {
    guard let member = self.members[id], version >= member.version else { return Changes() }
    self.members[id]?.version = version
    self.members[id]?.readiness = readiness
    return self.settle(id, before: member)
  }

  private mutating func settle(_ id: TunnelID, before: Member) -> Changes {
    guard let member = self.members[id] else { return Changes() }
    var changes = Changes()
    if member.isOffered, let suitability = TunnelPool.Suitability(member.readiness) {
      self.enter(id, member, suitability, &changes)
    } else if before.isInPools {
      self.leave(id, member, &changes)
    }
    switch member.readiness {
    case .draining(let initiator):
      // Once: the other end may begin to drain later.
      if case .draining = before.readiness { break }
      if member.wasOpened { changes.event = .draining(initiator) }
    case .closed:
      self.members.removeValue(forKey: id)
      if member.wasOpened { changes.event = .closed }
    case .opening, .ready, .silent, .full, .suspended, .closing:
      ()
    }
    return changes
  }

  private mutating func enter(
    _ id: TunnelID,
    _ member: Member,
    _ suitability: TunnelPool.Suitability,
    _ changes: inout Changes
  ) {
    for selection in member.selections {
      let watchers = self.withPool(selection) { pool in
        pool.tunnels.set(id, suitability, load: member.load)
        return pool.watchers.removeAll()
      }
      self.call(watchers, .ready, &changes)
    }
    if !member.wasOpened {
      self.members[id]?.wasOpened = true
      changes.event = .opened
    }
  }

  private mutating func leave(_ id: TunnelID, _ member: Member, _ changes: inout Changes) {
    for selection in member.selections {
      let hopeless = self.withPool(selection) { pool in
        pool.tunnels.remove(id)
        return pool.waiting.removeHopeless(in: pool.tunnels)
      }
      self.call(hopeless, .noTunnel, &changes)
    }
  }

  private mutating func call(_ tickets: [Ticket], _ call: Call, _ changes: inout Changes) {
    for ticket in tickets {
      self.places.removeValue(forKey: ticket)
      changes.calls.append((ticket, call))
    }
  }

  // MARK: - RPCs

  /// Chooses a tunnel for an RPC.
  ///
  /// - Parameter ticket: nil for an RPC that cannot wait yet; see ``Answer/wait``. Tickets grow.
  mutating func answer(_ request: Request, ticket: Ticket?) -> Answer {
    let (choice, othersWait) =
      self.inPool(request.selection) { pool in
        (
          pool.tunnels.choose(request.picker, excluding: request.tried),
          pool.waiting.areWaiting(request.tried)
        )
      } ?? (.none, false)
    var isTunnelUsable = false
    switch choice {
    case .usable(let id):
      // Nobody overtakes those who wait already.
      if !othersWait {
        self.rpcBegan(in: id)
        return .tunnel(id)
      }
      isTunnelUsable = true
    case .busy:
      ()
    case .none:
      if !request.waitsForTunnels { return .none }
    }
    guard let ticket else { return .wait }
    let group = WaitingRPCs.Group(
      tried: request.tried,
      waitsForTunnels: request.waitsForTunnels
    )
    self.places[ticket] = .waiting(request.selection, group)
    self.withPool(request.selection) { $0.waiting.append(ticket, request.picker, to: group) }
    return .queued(isTunnelUsable: isTunnelUsable)
  }

  /// An RPC was given a tunnel, here or in another way.
  mutating func rpcBegan(in id: TunnelID) {
    self.changeLoad(of: id, by: 1) { $0.chosen(id, load: $1) }
  }

  /// An RPC that was given a tunnel has ended, or has got no place in it.
  mutating func rpcEnded(in id: TunnelID) {
    self.changeLoad(of: id, by: -1) { $0.setLoad(of: id, $1) }
  }

  private mutating func changeLoad(
    of id: TunnelID,
    by difference: Int,
    _ body: (_ tunnels: inout TunnelPool, _ load: Int) -> Void
  ) {
    guard let member = self.members[id] else { return }
    let load = member.load + difference
    self.members[id]?.load = load
    guard member.isInPools else { return }
    for selection in member.selections {
      self.withPool(selection) { body(&$0.tunnels, load) }
    }
  }

  /// How many RPCs were given the tunnel and have not ended.
  func load(of id: TunnelID) -> Int {
    self.members[id]?.load ?? 0
  }

  // MARK: - Waiting

  /// Takes a ticket back.
  ///
  /// - Returns: Whether it was still waiting.
  @discardableResult
  mutating func cancel(_ ticket: Ticket) -> Bool {
    switch self.places.removeValue(forKey: ticket) {
    case .waiting(let selection, let group):
      return self.withPool(selection) { $0.waiting.remove(ticket, from: group) }
    case .watching(let selection):
      return self.withPool(selection) { $0.watchers.remove(ticket) }
    case .none:
      return false
    }
  }

  /// The next RPC that waits and for which there is a tunnel. Take a place, then call ``finish(_:)``;
  /// when there is none, ``rpcEnded(in:)`` and ``update(_:_:version:)``.
  ///
  /// - Parameter selections: Where to look.
  mutating func nextJob(in selections: [Selection]) -> Job? {
    var best: Job?
    for selection in selections {
      let first = self.withPool(selection) { $0.waiting.first(in: $0.tunnels) }
      if let first, best.map({ first.ticket < $0.ticket }) ?? true {
        best = Job(ticket: first.ticket, tunnel: first.tunnel)
      }
    }
    if let best { self.rpcBegan(in: best.tunnel) }
    return best
  }

  /// A place was taken for a ticket.
  ///
  /// - Returns: Whether it was still waiting; else the place is to be given back.
  mutating func finish(_ job: Job) -> Bool {
    self.cancel(job.ticket)
  }

  // MARK: - Readiness

  /// Whether an RPC would find a tunnel, if only to wait for a place.
  func isReady(_ selection: Selection) -> Bool {
    self.count(selection) > 0
  }

  /// The tunnels that take RPCs, if only when a place is free.
  func count(_ selection: Selection) -> Int {
    self.inPool(selection) { $0.tunnels.count } ?? 0
  }

  /// The same for each key that has any.
  var counts: [Key: Int] {
    self.pools.compactMapValues { $0.tunnels.isEmpty ? nil : $0.tunnels.count }
  }

  /// - Returns: Whether there is a tunnel already; else the ticket will be called up.
  mutating func waitUntilReady(_ selection: Selection, ticket: Ticket) -> Bool {
    if self.isReady(selection) { return true }
    self.places[ticket] = .watching(selection)
    self.withPool(selection) { $0.watchers.append(ticket, ()) }
    return false
  }

  /// How many keys take memory.
  var poolCount: Int {
    self.pools.count
  }

  // MARK: - Helpers

  /// Looks at a pool. It must not be copied: what is changed while there is a copy is copied too.
  private func inPool<Result>(_ selection: Selection, _ body: (Pool) -> Result) -> Result? {
    switch selection {
    case .all: body(self.all)
    case .key(let key): self.pools[key].map(body)
    }
  }

  /// Changes a pool; one that is not needed any more is forgotten.
  private mutating func withPool<Result>(
    _ selection: Selection,
    _ body: (inout Pool) -> Result
  ) -> Result {
    switch selection {
    case .all:
      return body(&self.all)
    case .key(let key):
      defer {
        if self.pools[key]?.isIdle ?? false { self.pools.removeValue(forKey: key) }
      }
      return body(&self.pools[key, default: Pool()])
    }
  }
}
