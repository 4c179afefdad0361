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
internal import GRPCTunnelProtocol

/// The tunnels of a ``ReverseTunnels``, those who wait for one, and those who watch.
///
/// The lock of the registry is never held while a session is asked, and the other way round: what
/// one tells the other may be outdated, which ``TunnelDirectory`` allows for.
final class ReverseTunnelRegistry<Key: Hashable & Sendable>: Sendable {
  typealias Directory = TunnelDirectory<Key>
  typealias Selection = Directory.Selection
  typealias Ticket = Directory.Ticket

  struct Record {
    var tunnel: ReverseTunnel
    var key: Key
    var openTime: Duration?
  }

  /// What somebody who waits gets.
  enum Outcome {
    case place(ReverseTunnelPlace)
    case call(Directory.Call)
  }

  struct State {
    var directory = Directory()
    var records: [TunnelID: Record] = [:]
    var waiters: [Ticket: CheckedContinuation<Outcome, any Error>] = [:]
    var queues: [UInt64: ReverseTunnelEventQueue<Key>] = [:]
    var lastNumber: UInt64 = 0

    /// A ticket, or the number of a subscription.
    mutating func nextNumber() -> UInt64 {
      self.lastNumber += 1
      return self.lastNumber
    }
  }

  let clock: TunnelClock
  let state: LockedValue<State>

  init(clock: TunnelClock) {
    self.clock = clock
    self.state = LockedValue(State())
  }

  // MARK: - Tunnels come and go

  /// Takes up a tunnel that has not been opened; it is forgotten when it has closed.
  ///
  /// - Parameter isOffered: Whether RPCs may go through it as soon as it is open.
  func add(_ tunnel: ReverseTunnel, key: Key, isOffered: Bool) {
    let id = tunnel.id
    self.state.withLock { state in
      state.records[id] = Record(tunnel: tunnel, key: key)
      state.directory.add(id, key: key, isOffered: isOffered)
    }
    tunnel.session.watchReadiness { [settled = tunnel.settled] readiness, version in
      self.apply(to: id, serves: readiness == .ready) { $0.update(id, readiness, version: version) }
      settled.fire()
    }
  }

  /// Lets RPCs go through a tunnel that was not offered at first.
  func offer(_ id: TunnelID) {
    self.apply(to: id, serves: true) { $0.offer(id) }
  }

  /// Changes the directory for a tunnel, and draws the consequences.
  ///
  /// - Parameter serves: Whether the change may help those who wait for a place.
  func apply(
    to id: TunnelID,
    serves: Bool,
    _ change: (inout Directory) -> Directory.Changes
  ) {
    guard let record = self.state.withLock({ $0.records[id] }) else { return }
    let information = record.tunnel.session.information
    let end = record.tunnel.session.inspect { machine in
      machine.closure.map { TunnelClosure($0, machine.figures) }
    }
    let now = self.clock.now()
    let actions = self.state.withLock { state in
      var actions: [@Sendable () -> Void] = []
      let changes = change(&state.directory)
      if !state.directory.contains(id) {
        state.records.removeValue(forKey: id)
      } else if information != nil, state.records[id]?.openTime == nil {
        state.records[id]?.openTime = now
      }
      for (ticket, call) in changes.calls {
        guard let waiter = state.waiters.removeValue(forKey: ticket) else { continue }
        actions.append { waiter.resume(returning: .call(call)) }
      }
      if let event = changes.event, let information,
        let event = ReverseTunnelEvent(event, information, key: record.key, end)
      {
        for queue in state.queues.values {
          queue.append(event).map { actions.append($0) }
        }
      }
      return actions
    }
    for action in actions {
      action()
    }
    if serves { self.serve([.all, .key(record.key)]) }
  }

  func tunnel(_ id: TunnelID) -> ReverseTunnel? {
    self.state.withLock { $0.records[id]?.tunnel }
  }

  // MARK: - Observing

  /// The tunnels that are open, in the order of their ids.
  var snapshots: [ReverseTunnelSnapshot<Key>] {
    let records = self.state.withLock { state in
      state.records.map { ($0.value, state.directory.isOffered($0.key)) }
    }
    let now = self.clock.now()
    return records.compactMap { ReverseTunnelSnapshot($0, isOffered: $1, now: now) }
      .sorted { $0.tunnel.id < $1.tunnel.id }
  }

  func snapshot(of id: TunnelID) -> ReverseTunnelSnapshot<Key>? {
    let record = self.state.withLock { state in
      state.records[id].map { ($0, state.directory.isOffered(id)) }
    }
    return record.flatMap {
      ReverseTunnelSnapshot($0, isOffered: $1, now: self.clock.now())
    }
  }

  func count(_ selection: Selection) -> Int {
    self.state.withLock { $0.directory.count(selection) }
  }

  var counts: [Key: Int] {
    self.state.withLock { $0.directory.counts }
  }

  var events: ReverseTunnelEvents<Key> {
    let queue = ReverseTunnelEventQueue<Key>()
    let number = self.state.withLock { state in
      let number = state.nextNumber()
      state.queues[number] = queue
      return number
    }
    return ReverseTunnelEvents(queue: queue) { [weak self] in
      _ = self?.state.withLock { $0.queues.removeValue(forKey: number) }
    }
  }
}

extension ReverseTunnelSnapshot {
  /// nil for a tunnel that is not open yet.
  fileprivate init?(
    _ record: ReverseTunnelRegistry<Key>.Record,
    isOffered: Bool,
    now: Duration
  ) {
    let session = record.tunnel.session
    guard let information = session.information else { return nil }
    let (readiness, openStreams, figures) = session.inspect { machine in
      (machine.readiness, machine.activeStreamCount, machine.figures)
    }
    self.init(
      tunnel: information,
      key: record.key,
      state: ReverseTunnelState(readiness, isOffered: isOffered),
      openStreams: openStreams,
      age: record.openTime.map { now - $0 } ?? .zero,
      statistics: TunnelStatistics(figures)
    )
  }
}

extension ReverseTunnelEvent {
  fileprivate init?(
    _ event: TunnelDirectory<Key>.Event,
    _ information: TunnelInformation,
    key: Key,
    _ end: TunnelClosure?
  ) {
    switch event {
    case .opened:
      self = .opened(information, key: key)
    case .draining(let initiator):
      self = .draining(information, key: key, side: TunnelClosure.Side(initiator))
    case .closed:
      guard let end else { return nil }
      self = .closed(information, key: key, closure: end)
    }
  }
}
