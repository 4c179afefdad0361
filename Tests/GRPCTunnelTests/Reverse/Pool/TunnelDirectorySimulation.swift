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
internal import Testing
internal import TunnelSimulation

@testable internal import GRPCTunnel

/// A directory with tunnels and RPCs around it, whose steps come in any order: what a tunnel tells
/// arrives late and out of order, and jobs are done while everything else goes on.
struct DirectorySimulation {
  typealias Directory = TunnelDirectory<Int>

  /// What is true of a tunnel, whatever the directory knows.
  private struct Tunnel {
    var key: Int
    var capacity: Int
    var used = 0
    var isSilent = false
    var isDraining = false
    var isClosed = false
    var told = TunnelReadiness.opening
    var version: UInt64 = 0

    var readiness: TunnelReadiness {
      if self.isClosed { return .closed }
      if self.isDraining { return .draining(.remote) }
      if self.used >= self.capacity { return .full }
      return self.isSilent ? .silent : .ready
    }

    var takesRPC: Bool {
      self.readiness == .ready
    }
  }

  private struct News {
    var tunnel: TunnelID
    var readiness: TunnelReadiness
    var version: UInt64
  }

  private struct RPC {
    var request: Directory.Request
    var ticket: UInt64
  }

  private var generator: SeededGenerator
  private var directory = Directory()
  private var tunnels: [TunnelID: Tunnel] = [:]
  private var news: [News] = []
  /// RPCs that wait, by ticket.
  private var waiting: [UInt64: RPC] = [:]
  /// The tunnels of RPCs that run.
  private var running: [TunnelID] = []
  private var jobs: [Directory.Job] = []
  private var lastTicket: UInt64 = 0
  private var eventCounts: [TunnelID: (opened: Int, closed: Int)] = [:]
  private(set) var servedCount = 0

  init(seed: UInt64) {
    self.generator = SeededGenerator(seed: seed)
  }

  /// Does something.
  mutating func step() {
    switch self.generator.int(below: 16) {
    case 0:
      if self.tunnels.count < 8 { self.addTunnel() }
    case 1:
      self.changeTunnel()
    case 2, 3, 4, 5:
      self.startRPC()
    case 6, 7, 8:
      self.endRPC()
    case 9:
      self.cancelRPC()
    case 10, 11, 12:
      self.hearNews()
    case 13:
      self.takeJob(for: self.tunnels.keys.sorted().randomElement(using: &self.generator))
    default:
      self.doJob()
    }
  }

  /// Lets everything settle, and checks that nobody waits in vain.
  mutating func settle() {
    while !self.news.isEmpty || !self.jobs.isEmpty {
      self.hearNews()
      self.doJob()
    }
    for id in self.tunnels.keys.sorted() {
      while self.takeJob(for: id) { self.doJob() }
      while !self.news.isEmpty { self.hearNews() }
    }
    for rpc in self.waiting.values {
      let request = rpc.request
      let candidates = self.tunnels.filter { id, tunnel in
        self.matches(request.selection, tunnel) && !request.tried.contains(id)
          && !tunnel.isClosed && !tunnel.isDraining
      }
      #expect(!candidates.values.contains { $0.takesRPC }, "An RPC waits in vain.")
      if !request.waitsForTunnels { #expect(!candidates.isEmpty, "An RPC waits for nothing.") }
    }
    let load = Dictionary(grouping: self.running) { $0 }.mapValues(\.count)
    for (id, tunnel) in self.tunnels where !tunnel.isClosed {
      #expect(self.directory.load(of: id) == load[id] ?? 0)
      #expect(tunnel.used == load[id] ?? 0)
    }
    let keys = Set(self.tunnels.values.filter { !$0.isClosed && !$0.isDraining }.map(\.key))
      .union(self.waiting.values.compactMap { $0.request.selection.onlyKey })
    #expect(self.directory.poolCount <= keys.count)
    for (opened, closed) in self.eventCounts.values {
      #expect(opened == 1)
      #expect(closed <= 1)
    }
  }

  private func matches(_ selection: Directory.Selection, _ tunnel: Tunnel) -> Bool {
    selection.onlyKey.map { $0 == tunnel.key } ?? true
  }

  // MARK: - Tunnels

  private mutating func addTunnel() {
    let id = TunnelID.next()
    let key = self.generator.int(below: 3)
    self.tunnels[id] = Tunnel(key: key, capacity: 1 + self.generator.int(below: 3))
    self.directory.add(id, key: key, isOffered: true)
    self.tell(id)
  }

  private mutating func changeTunnel() {
    guard let id = self.tunnels.keys.sorted().randomElement(using: &self.generator) else { return }
    switch self.generator.int(below: 6) {
    case 0: self.tunnels[id]?.isDraining = true
    case 1: self.tunnels[id]?.isClosed = true
    default: self.tunnels[id]?.isSilent.toggle()
    }
    self.tell(id)
  }

  private mutating func tell(_ id: TunnelID) {
    guard var tunnel = self.tunnels[id], tunnel.told != tunnel.readiness else { return }
    tunnel.told = tunnel.readiness
    tunnel.version += 1
    self.news.append(News(tunnel: id, readiness: tunnel.told, version: tunnel.version))
    self.tunnels[id] = tunnel
  }

  /// Whatever was told last may arrive first.
  private mutating func hearNews() {
    guard !self.news.isEmpty else { return }
    let news = self.news.remove(at: self.generator.int(below: self.news.count))
    self.apply(
      news.tunnel,
      self.directory.update(news.tunnel, news.readiness, version: news.version)
    )
    while self.takeJob(for: news.tunnel) {
      // Others come in between.
      if self.generator.isOne(in: 2) { return }
      self.doJob()
    }
  }

  private mutating func apply(_ id: TunnelID, _ changes: Directory.Changes) {
    switch changes.event {
    case .opened: self.eventCounts[id, default: (0, 0)].opened += 1
    case .closed: self.eventCounts[id, default: (0, 0)].closed += 1
    case .draining, .none: ()
    }
    for (ticket, call) in changes.calls {
      guard let rpc = self.waiting.removeValue(forKey: ticket) else {
        Issue.record("Somebody was called up who does not wait.")
        continue
      }
      switch call {
      case .ready: Issue.record("An RPC was told that there are tunnels.")
      case .noTunnel: #expect(!rpc.request.waitsForTunnels)
      }
    }
  }

  // MARK: - RPCs

  private mutating func startRPC() {
    let tried = self.tunnels.keys.sorted().filter { _ in self.generator.isOne(in: 3) }
    self.ask(
      Directory.Request(
        selection: self.generator.isOne(in: 2) ? .all : .key(self.generator.int(below: 3)),
        picker: self.generator.isOne(in: 2) ? .roundRobin : .leastOutstanding,
        tried: self.generator.isOne(in: 3) ? Set(tried) : [],
        waitsForTunnels: self.generator.isOne(in: 2)
      )
    )
  }

  private mutating func ask(_ request: Directory.Request) {
    for _ in 0 ..< 100 {
      self.lastTicket += 1
      switch self.directory.answer(request, ticket: self.lastTicket) {
      case .tunnel(let id):
        #expect(!request.tried.contains(id))
        if self.takePlace(in: id) {
          self.running.append(id)
          return
        }
      case .queued(let isTunnelUsable):
        self.waiting[self.lastTicket] = RPC(request: request, ticket: self.lastTicket)
        if isTunnelUsable { self.takeJob(for: nil, in: request.selection) }
        return
      case .none:
        #expect(!request.waitsForTunnels)
        return
      case .wait:
        Issue.record("An RPC with a ticket was told to come with one.")
        return
      }
    }
    Issue.record("An RPC tries for ever.")
  }

  /// - Returns: Whether there was a place.
  private mutating func takePlace(in id: TunnelID) -> Bool {
    if let tunnel = self.tunnels[id], tunnel.takesRPC {
      self.tunnels[id]?.used += 1
      self.tell(id)
      return true
    }
    self.directory.rpcEnded(in: id)
    if let tunnel = self.tunnels[id] {
      self.apply(
        id,
        self.directory.update(id, tunnel.readiness, version: tunnel.version)
      )
    }
    return false
  }

  private mutating func endRPC() {
    guard !self.running.isEmpty else { return }
    self.end(self.running.remove(at: self.generator.int(below: self.running.count)))
  }

  private mutating func end(_ id: TunnelID) {
    self.directory.rpcEnded(in: id)
    self.tunnels[id]?.used -= 1
    self.tell(id)
  }

  private mutating func cancelRPC() {
    guard let ticket = self.waiting.keys.sorted().randomElement(using: &self.generator) else {
      return
    }
    self.waiting.removeValue(forKey: ticket)
    #expect(self.directory.cancel(ticket) == true)
  }

  // MARK: - Jobs

  @discardableResult
  private mutating func takeJob(
    for id: TunnelID?,
    in selection: Directory.Selection? = nil
  ) -> Bool {
    var selections: [Directory.Selection] = selection.map { [$0] } ?? [.all]
    if let id, let key = self.tunnels[id]?.key { selections.append(.key(key)) }
    guard let job = self.directory.nextJob(in: selections) else { return false }
    self.jobs.append(job)
    return true
  }

  private mutating func doJob() {
    guard !self.jobs.isEmpty else { return }
    let job = self.jobs.remove(at: self.generator.int(below: self.jobs.count))
    if self.takePlace(in: job.tunnel) {
      if self.directory.finish(job) {
        let rpc = self.waiting.removeValue(forKey: job.ticket)
        #expect(rpc != nil)
        #expect(rpc?.request.tried.contains(job.tunnel) == false)
        self.running.append(job.tunnel)
        self.servedCount += 1
      } else {
        self.end(job.tunnel)
      }
    }
    // Whoever does one goes on with the next.
    self.takeJob(for: job.tunnel)
  }
}

extension TunnelDirectory.Selection {
  fileprivate var onlyKey: Key? {
    switch self {
    case .all: nil
    case .key(let key): key
    }
  }
}

@Suite("The directory of tunnels, in any order")
struct TunnelDirectorySimulationTests {
  @Test("nobody waits in vain, or is given what is no use", arguments: 1 ... 100)
  func random(seed: UInt64) {
    var simulation = DirectorySimulation(seed: seed)
    for _ in 0 ..< 20 {
      for _ in 0 ..< 50 {
        simulation.step()
      }
      simulation.settle()
    }
    #expect(simulation.servedCount > 0)
  }
}
