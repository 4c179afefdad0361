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

@testable internal import GRPCTunnel

@Suite("The directory of tunnels")
struct TunnelDirectoryTests {
  private typealias Directory = TunnelDirectory<String>

  private let first = TunnelID.next()
  private let second = TunnelID.next()

  private func request(
    _ selection: Directory.Selection = .key("shop"),
    tried: Set<TunnelID> = [],
    waits: Bool = false
  ) -> Directory.Request {
    Directory.Request(
      selection: selection,
      picker: .roundRobin,
      tried: tried,
      waitsForTunnels: waits
    )
  }

  /// A directory with these tunnels under one key.
  private func directory(_ tunnels: (TunnelID, TunnelReadiness)...) -> Directory {
    var directory = Directory()
    for (id, readiness) in tunnels {
      directory.add(id, key: "shop", isOffered: true)
      _ = directory.update(id, readiness, version: 1)
    }
    return directory
  }

  private func calls(_ changes: Directory.Changes) -> [UInt64: Directory.Call] {
    Dictionary(uniqueKeysWithValues: changes.calls.map { ($0.ticket, $0.call) })
  }

  // MARK: - Tunnels

  @Test("tells once that a tunnel opened, drains and closed")
  func events() {
    var directory = Directory()
    directory.add(self.first, key: "shop", isOffered: true)
    let steps: [(TunnelReadiness, Directory.Event?)] = [
      (.ready, .opened), (.full, nil), (.silent, nil), (.ready, nil),
      (.draining(.remote), .draining(.remote)), (.closing, nil), (.closed, .closed),
    ]
    for (version, (readiness, event)) in steps.enumerated() {
      let changes = directory.update(self.first, readiness, version: UInt64(version) + 1)
      #expect(changes.event == event)
    }
    #expect(!directory.contains(self.first))
    #expect(directory.poolCount == 0)
  }

  @Test("tells once that a tunnel drains, though both ends drain it")
  func drainsOnce() {
    var directory = self.directory((self.first, .ready))
    let first = directory.update(self.first, .draining(.remote), version: 10)
    #expect(first.event == .draining(.remote))
    #expect(directory.update(self.first, .draining(.local), version: 11).event == nil)
    #expect(directory.update(self.first, .closed, version: 12).event == .closed)
  }

  @Test("tells nothing of a tunnel that was not opened", arguments: [true, false])
  func noEvents(isOffered: Bool) {
    var directory = Directory()
    directory.add(self.first, key: "shop", isOffered: isOffered)
    if !isOffered {
      #expect(directory.update(self.first, .ready, version: 1).event == nil)
    }
    #expect(directory.update(self.first, .draining(.remote), version: 2).event == nil)
    #expect(directory.offer(self.first).event == nil)
    #expect(directory.update(self.first, .closed, version: 3).event == nil)
    #expect(!directory.contains(self.first))
    #expect(directory.poolCount == 0)
  }

  @Test("a tunnel that is not offered takes no RPC until it is")
  func offering() {
    var directory = Directory()
    directory.add(self.first, key: "shop", isOffered: false)
    #expect(directory.update(self.first, .ready, version: 1).event == nil)
    #expect(directory.answer(self.request(), ticket: nil) == .none)
    #expect(!directory.isReady(.all))
    #expect(directory.offer(self.first).event == .opened)
    #expect(directory.offer(self.first).event == nil)
    #expect(directory.answer(self.request(), ticket: nil) == .tunnel(self.first))
  }

  @Test("what arrives late is ignored")
  func versions() {
    var directory = self.directory((self.first, .ready))
    _ = directory.update(self.first, .draining(.local), version: 3)
    #expect(directory.update(self.first, .ready, version: 2).event == nil)
    #expect(directory.answer(self.request(), ticket: nil) == .none)
  }

  @Test("counts tunnels that take RPCs, by key")
  func counts() {
    var directory = self.directory((self.first, .full), (self.second, .draining(.remote)))
    let other = TunnelID.next()
    directory.add(other, key: "office", isOffered: true)
    _ = directory.update(other, .silent, version: 1)
    #expect(directory.counts == ["shop": 1, "office": 1])
    #expect(directory.count(.all) == 2)
    #expect(directory.count(.key("shop")) == 1)
    #expect(directory.count(.key("nobody")) == 0)
  }

  @Test("keys without tunnels take memory only while somebody waits")
  func memory() {
    var directory = Directory()
    for number in 0 ..< 100 {
      let selection = Directory.Selection.key("\(number)")
      #expect(directory.answer(self.request(selection), ticket: nil) == .none)
      #expect(directory.answer(self.request(selection, waits: true), ticket: nil) == .wait)
      #expect(!directory.isReady(selection))
    }
    #expect(directory.poolCount == 0)
    #expect(
      directory.answer(self.request(waits: true), ticket: 1) == .queued(isTunnelUsable: false)
    )
    #expect(directory.poolCount == 1)
    directory.cancel(1)
    #expect(directory.poolCount == 0)
    #expect(directory.waitUntilReady(.key("shop"), ticket: 2) == false)
    #expect(directory.poolCount == 1)
    directory.cancel(2)
    #expect(directory.poolCount == 0)
  }

  // MARK: - RPCs

  @Test("an RPC gets a tunnel of its key")
  func selection() {
    var directory = self.directory((self.first, .ready))
    let other = TunnelID.next()
    directory.add(other, key: "office", isOffered: true)
    _ = directory.update(other, .ready, version: 1)
    for _ in 0 ..< 3 {
      #expect(directory.answer(self.request(), ticket: nil) == .tunnel(self.first))
    }
    #expect(directory.answer(self.request(.key("office")), ticket: nil) == .tunnel(other))
    #expect(directory.answer(self.request(.key("nobody")), ticket: nil) == .none)
  }

  @Test("what a tunnel carries is counted over all selections")
  func load() {
    var directory = self.directory((self.first, .ready), (self.second, .ready))
    var request = self.request(.all)
    request.picker = .leastOutstanding
    directory.rpcBegan(in: self.first)
    #expect(directory.answer(request, ticket: nil) == .tunnel(self.second))
    directory.rpcBegan(in: self.second)
    #expect(directory.answer(request, ticket: nil) == .tunnel(self.first))
    directory.rpcEnded(in: self.second)
    request.selection = .key("shop")
    #expect(directory.answer(request, ticket: nil) == .tunnel(self.second))
  }

  @Test("a tunnel that turns out to be full, drained or closed is not given again")
  func failedTries() {
    for readiness in [.full, .draining(.remote), .closed] as [TunnelReadiness] {
      var directory = self.directory((self.first, .ready))
      #expect(directory.answer(self.request(), ticket: nil) == .tunnel(self.first))
      directory.rpcEnded(in: self.first)
      _ = directory.update(self.first, readiness, version: 1)
      let answer = directory.answer(self.request(), ticket: nil)
      #expect(answer == (readiness == .full ? .wait : .none))
      // That it was ready is news no more.
      _ = directory.update(self.first, .ready, version: 0)
      #expect(directory.answer(self.request(), ticket: nil) == answer)
    }
  }

  // MARK: - Waiting

  @Test("RPCs get places in the order in which they came, patient or not")
  func order() {
    var directory = self.directory((self.first, .full))
    for ticket in 1 ... 4 as ClosedRange<UInt64> {
      let answer = directory.answer(self.request(waits: ticket % 2 == 0), ticket: ticket)
      #expect(answer == .queued(isTunnelUsable: false))
    }
    #expect(directory.nextJob(in: [.key("shop")]) == nil)
    _ = directory.update(self.first, .ready, version: 2)
    // Who comes now does not overtake.
    #expect(directory.answer(self.request(), ticket: nil) == .wait)
    #expect(directory.answer(self.request(), ticket: 5) == .queued(isTunnelUsable: true))
    for ticket in 1 ... 5 as ClosedRange<UInt64> {
      let job = directory.nextJob(in: [.all, .key("shop")])
      #expect(job == Directory.Job(ticket: ticket, tunnel: self.first))
      let wasWaiting = job.map { directory.finish($0) }
      #expect(wasWaiting == true)
    }
    #expect(directory.nextJob(in: [.all, .key("shop")]) == nil)
    #expect(directory.answer(self.request(), ticket: nil) == .tunnel(self.first))
  }

  @Test("who waits for any key and who waits for this one are served in their order")
  func orderOverSelections() {
    var directory = self.directory((self.first, .full))
    _ = directory.answer(self.request(.key("shop")), ticket: 1)
    _ = directory.answer(self.request(.all), ticket: 2)
    _ = directory.answer(self.request(.key("shop")), ticket: 3)
    _ = directory.update(self.first, .ready, version: 2)
    for ticket in 1 ... 3 as ClosedRange<UInt64> {
      let job = directory.nextJob(in: [.all, .key("shop")])
      #expect(job?.ticket == ticket)
      let wasWaiting = job.map { directory.finish($0) }
      #expect(wasWaiting == true)
    }
  }

  @Test("a job that finds no place leaves the RPC where it was")
  func failedJob() {
    var directory = self.directory((self.first, .full))
    _ = directory.answer(self.request(), ticket: 1)
    _ = directory.answer(self.request(), ticket: 2)
    _ = directory.update(self.first, .ready, version: 2)
    #expect(directory.nextJob(in: [.key("shop")])?.ticket == 1)
    directory.rpcEnded(in: self.first)
    _ = directory.update(self.first, .full, version: 3)
    #expect(directory.nextJob(in: [.key("shop")]) == nil)
    _ = directory.update(self.first, .ready, version: 4)
    #expect(directory.nextJob(in: [.key("shop")])?.ticket == 1)
  }

  @Test("a place for who is gone meanwhile is to be given back")
  func cancelledJob() {
    var directory = self.directory((self.first, .full))
    _ = directory.answer(self.request(), ticket: 1)
    _ = directory.update(self.first, .ready, version: 2)
    let job = directory.nextJob(in: [.key("shop")])
    let wasWaiting = directory.cancel(1)
    #expect(wasWaiting)
    let isWaiting = job.map { directory.finish($0) }
    #expect(isWaiting == false)
  }

  @Test("when the last tunnel goes, only those wait on who wait for tunnels")
  func lastTunnelGoes() {
    var directory = self.directory((self.first, .full), (self.second, .suspended))
    _ = directory.answer(self.request(waits: false), ticket: 1)
    _ = directory.answer(self.request(waits: true), ticket: 2)
    #expect(directory.update(self.first, .draining(.remote), version: 2).calls.isEmpty)
    let changes = directory.update(self.second, .closed, version: 2)
    #expect(self.calls(changes) == [1: .noTunnel])

    let third = TunnelID.next()
    directory.add(third, key: "shop", isOffered: true)
    _ = directory.update(third, .ready, version: 1)
    #expect(
      directory.nextJob(in: [.key("shop")])
        == Directory.Job(ticket: 2, tunnel: third)
    )
  }

  @Test("RPCs that wait for tunnels do not hold up those that do not")
  func impatient() {
    var directory = Directory()
    _ = directory.answer(self.request(waits: true), ticket: 1)
    #expect(directory.answer(self.request(waits: false), ticket: nil) == .none)
  }

  @Test("who waits for tunnels to be ready is called up by the first")
  func readiness() {
    var directory = Directory()
    #expect(directory.waitUntilReady(.all, ticket: 1) == false)
    #expect(directory.waitUntilReady(.key("shop"), ticket: 2) == false)
    #expect(directory.waitUntilReady(.key("office"), ticket: 3) == false)
    directory.add(self.first, key: "shop", isOffered: true)
    let changes = directory.update(self.first, .ready, version: 1)
    #expect(self.calls(changes) == [1: .ready, 2: .ready])
    #expect(directory.waitUntilReady(.all, ticket: 4) == true)
  }

  // MARK: - RPCs that were refused

  @Test("a refused RPC is not given the same tunnel again")
  func tried() {
    var directory = self.directory((self.first, .ready), (self.second, .ready))
    let request = self.request(tried: [self.first])
    for _ in 0 ..< 3 {
      #expect(directory.answer(request, ticket: nil) == .tunnel(self.second))
    }
    let both = self.request(tried: [self.first, self.second])
    #expect(directory.answer(both, ticket: nil) == .none)
  }

  @Test(
    "a refused RPC waits for a place in tunnels that it has not tried, as long as there are any"
  )
  func triedAndFull() {
    var directory = self.directory((self.first, .ready), (self.second, .full))
    let request = self.request(tried: [self.first])
    #expect(directory.answer(request, ticket: 1) == .queued(isTunnelUsable: false))
    // A place in the tunnel that it has tried is of no use.
    #expect(directory.nextJob(in: [.all, .key("shop")]) == nil)
    _ = directory.update(self.second, .ready, version: 2)
    #expect(
      directory.nextJob(in: [.all, .key("shop")])
        == Directory.Job(ticket: 1, tunnel: self.second)
    )
    directory.rpcEnded(in: self.second)
    let changes = directory.update(self.second, .draining(.remote), version: 3)
    #expect(self.calls(changes) == [1: .noTunnel])
    #expect(directory.answer(request, ticket: 2) == .none)
  }

  @Test("an RPC that all have refused waits for a new tunnel, if it waits for tunnels")
  func triedAll() {
    var directory = self.directory((self.first, .ready))
    #expect(directory.answer(self.request(tried: [self.first]), ticket: nil) == .none)
    let patient = self.request(tried: [self.first], waits: true)
    #expect(directory.answer(patient, ticket: 1) == .queued(isTunnelUsable: false))
    #expect(directory.update(self.first, .full, version: 2).calls.isEmpty)
    #expect(directory.update(self.first, .ready, version: 3).calls.isEmpty)
    #expect(directory.nextJob(in: [.key("shop")]) == nil)

    directory.add(self.second, key: "shop", isOffered: true)
    #expect(directory.update(self.second, .ready, version: 1).calls.isEmpty)
    #expect(
      directory.nextJob(in: [.key("shop")]) == Directory.Job(ticket: 1, tunnel: self.second)
    )
  }

  @Test(
    "RPCs that were refused do not wait behind those that wait for other tunnels, and vice versa"
  )
  func groups() {
    var directory = self.directory((self.first, .full), (self.second, .full))
    _ = directory.answer(self.request(tried: [self.first]), ticket: 1)
    _ = directory.answer(self.request(), ticket: 2)
    _ = directory.answer(self.request(tried: [self.second]), ticket: 3)
    _ = directory.update(self.first, .ready, version: 2)
    for ticket in [2, 3] as [UInt64] {
      let job = directory.nextJob(in: [.key("shop")])
      #expect(job == Directory.Job(ticket: ticket, tunnel: self.first))
      let wasWaiting = job.map { directory.finish($0) }
      #expect(wasWaiting == true)
    }
    #expect(directory.nextJob(in: [.key("shop")]) == nil)
  }
}
