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
internal import GRPCTunnelTestSupport
internal import Testing

@testable internal import GRPCTunnel

/// The registry with sessions that have no carrier.
@Suite("Places in reverse tunnels", .timeLimit(.minutes(5)))
struct ReverseTunnelRegistryTests {
  private typealias Registry = ReverseTunnelRegistry<String>

  /// A registry with tunnels of one key, each with one place.
  private func registry(_ tunnels: ReverseTunnel...) -> Registry {
    let registry = Registry(clock: .continuous)
    for tunnel in tunnels {
      registry.add(tunnel, key: "shop", isOffered: true)
      tunnel.open()
    }
    return registry
  }

  private func request(
    _ selection: Registry.Selection = .all,
    tried: Set<TunnelID> = [],
    waits: Bool = false
  ) -> Registry.Directory.Request {
    Registry.Directory.Request(
      selection: selection,
      picker: .roundRobin,
      tried: tried,
      waitsForTunnels: waits
    )
  }

  private func place(
    _ registry: Registry,
    _ request: Registry.Directory.Request
  ) throws -> ReverseTunnelPlace {
    guard case .place(let place) = registry.placeAtOnce(request) else {
      throw RPCError(code: .internalError, message: "There is no place.")
    }
    return place
  }

  @Test("places are taken in turn, until there are none")
  func full() throws {
    let (first, second) = (ReverseTunnel.single(), ReverseTunnel.single())
    let registry = self.registry(first, second)
    let places = try (0 ..< 2).map { _ in try self.place(registry, self.request()) }
    #expect(places.map(\.tunnel.id) == [first.id, second.id])
    guard case .wait = registry.placeAtOnce(self.request()) else {
      Issue.record("There is a place too many.")
      return
    }
    #expect(registry.isReady(.all))
    places[1].giveBack()
    #expect(try self.place(registry, self.request(.key("shop"))).tunnel.id == second.id)
  }

  @Test("who waits gets the first place in any tunnel, in order")
  func order() async throws {
    let (first, second) = (ReverseTunnel.single(), ReverseTunnel.single())
    let registry = self.registry(first, second)
    let taken = [
      try self.place(registry, self.request()), try self.place(registry, self.request()),
    ]
    let request = self.request()
    try await withThrowingTaskGroup(of: (Int, TunnelID?).self) { group in
      for number in 0 ..< 3 {
        group.addTask {
          let place = try await registry.place(request)
          return (number, place?.tunnel.id)
        }
        // They come one after another.
        try await registry.waitForWaiters(number + 1)
      }
      for (number, index) in [1, 0, 1].enumerated() {
        taken[index].giveBack()
        let next = try await group.next()
        #expect(next?.0 == number)
        #expect(next?.1 == taken[index].tunnel.id)
      }
    }
  }

  @Test("who waits is cancelled with its task, and the place goes to the next")
  func cancelled() async throws {
    let tunnel = ReverseTunnel.single()
    let registry = self.registry(tunnel)
    let taken = try self.place(registry, self.request())
    let request = self.request()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let error = await #expect(throws: RPCError.self) { try await registry.place(request) }
        #expect(error?.code == .cancelled)
      }
      try await registry.waitForWaiters(1)
      group.cancelAll()
      try await group.waitForAll()
    }
    async let next = registry.place(request)
    try await registry.waitForWaiters(1)
    taken.giveBack()
    #expect(try await next?.tunnel.id == tunnel.id)
  }

  @Test(
    "when the last tunnel ends, those fail who do not wait for tunnels",
    arguments: [true, false]
  )
  func lastTunnelEnds(drains: Bool) async throws {
    let tunnel = ReverseTunnel.single()
    let registry = self.registry(tunnel)
    _ = try self.place(registry, self.request())
    let (impatient, patient) = (self.request(), self.request(waits: true))
    async let none = registry.place(impatient)
    try await registry.waitForWaiters(1)
    async let later = registry.place(patient)
    try await registry.waitForWaiters(2)
    if drains {
      tunnel.session.beginDrain()
    } else {
      tunnel.session.close(TunnelEnd(initiator: .remote, error: nil))
    }
    #expect(try await none == nil)
    let next = ReverseTunnel.single()
    registry.add(next, key: "shop", isOffered: true)
    next.open()
    #expect(try await later?.tunnel.id == next.id)
  }

  @Test("a tunnel that ended is forgotten")
  func forgotten() throws {
    let tunnel = ReverseTunnel.single()
    let registry = self.registry(tunnel)
    #expect(registry.tunnel(tunnel.id) != nil)
    tunnel.session.close(TunnelEnd(initiator: .remote, error: nil))
    #expect(registry.tunnel(tunnel.id) == nil)
    #expect(registry.snapshots.isEmpty)
    guard case .noTunnel = registry.placeAtOnce(self.request()) else {
      Issue.record("There is a tunnel too many.")
      return
    }
  }

  @Test("a thousand tunnels share ten thousand RPCs, all of which wait")
  func many() async throws {
    let registry = Registry(clock: .continuous)
    let request = self.request(waits: true)
    try await withThrowingTaskGroup(of: TunnelID?.self) { group in
      for _ in 0 ..< 10_000 {
        group.addTask { try await registry.place(request)?.tunnel.id }
      }
      for number in 0 ..< 1000 {
        let tunnel = ReverseTunnel.notOpen(maximumConcurrentStreams: 10)
        registry.add(tunnel, key: "\(number)", isOffered: true)
        tunnel.open()
      }
      var counts: [TunnelID: Int] = [:]
      for try await id in group {
        counts[try #require(id), default: 0] += 1
      }
      #expect(counts.count == 1000)
      #expect(counts.values.allSatisfy { $0 == 10 })
    }
  }
}

extension ReverseTunnel {
  /// A tunnel with one place that has not been opened.
  fileprivate static func single() -> ReverseTunnel {
    .notOpen(maximumConcurrentStreams: 1)
  }
}

extension ReverseTunnelRegistry {
  /// Returns when so many RPCs wait.
  fileprivate func waitForWaiters(_ count: Int) async throws {
    while self.state.withLock({ $0.waiters.count }) < count {
      try Task.checkCancellation()
      await Task.yield()
    }
  }
}
