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

@Suite("A reverse server of several endpoints", .timeLimit(.minutes(5)))
struct ReconnectEndpointsTests {
  /// Networks by the name of the server that is reached over them.
  private final class Networks: Sendable {
    private let pairs = LockedValue<[String: CarrierPair]>([:])
    private let clients = LockedValue<[String: Int]>([:])

    subscript(_ name: String) -> CarrierPair {
      self.pairs.withLock { pairs in
        if let pair = pairs[name] { return pair }
        let pair = CarrierPair()
        pairs[name] = pair
        return pair
      }
    }

    func makeClient(_ name: String) throws -> GRPCClient<CarrierClientTransport> {
      self.clients.withLock { $0[name, default: 0] += 1 }
      if name.hasPrefix("no ") { throw Unknown() }
      return GRPCClient(transport: self[name].client)
    }

    /// How many clients were made for a name.
    func clientCount(_ name: String) -> Int {
      self.clients.withLock { $0[name] ?? 0 }
    }
  }

  private struct Unknown: Error {}

  /// Runs a transport to the endpoints of `sets`.
  private static func run(
    tunnels: Int = 1,
    reconnect: TunnelReconnectPolicy = .tiny,
    _ body:
      @Sendable (
        _ transport: ReverseTunnelServerTransport,
        _ networks: Networks,
        _ sets: AsyncThrowingStream<Set<String>, any Error>.Continuation
      ) async throws -> Void
  ) async throws -> (any Error)? {
    let networks = Networks()
    let (stream, sets) = AsyncThrowingStream.makeStream(of: Set<String>.self)
    let transport = ReverseTunnelServerTransport(
      to: stream,
      tunnels: tunnels,
      reconnect: reconnect
    ) { name in
      try networks.makeClient(name)
    }
    return try await withThrowingTaskGroup(of: (any Error)?.self) { group in
      group.addTask {
        do {
          try await transport.listen { _, _ in }
          return nil
        } catch {
          return error
        }
      }
      try await body(transport, networks, sets)
      transport.beginGracefulShutdown()
      return try await group.next() ?? nil
    }
  }

  private static func accept(_ pair: CarrierPair) async throws -> (RawTunnelClient, TunnelIdentity)
  {
    let (peer, headers) = try await RawTunnelClient.accept(
      over: pair,
      headers: .negotiating(extensions: .drain)
    )
    _ = try await peer.nextOrThrow()
    return (peer, try #require(TunnelIdentity(headers)))
  }

  /// Lets a tunnel end that this end drains.
  private static func end(_ peer: RawTunnelClient) async throws {
    while try await peer.next() != nil {}
    try await peer.end()
  }

  @Test("keeps its number of tunnels to each, over a client of its own for each")
  func allEndpoints() async throws {
    let failure = try await Self.run(tunnels: 2) { transport, networks, sets in
      sets.yield(["a", "b"])
      var peers: [RawTunnelClient] = []
      var instances: Set<String> = []
      for name in ["a", "a", "b", "b"] {
        let (peer, identity) = try await Self.accept(networks[name])
        peers.append(peer)
        instances.insert(identity.instance)
      }
      // Two names may stand for one server, where they must not replace each other's tunnels.
      #expect(instances.count == 2)
      #expect(networks.clientCount("a") == 2)
      #expect(networks.clientCount("b") == 2)
      let open = try await transport.tunnelUpdates.firstElement {
        $0.count == 4 && $0.allSatisfy { $0.state.isReady }
      }
      #expect(Set(open.map { "\($0.endpoint)\($0.slot)" }) == ["a0", "a1", "b0", "b1"])

      try await peers[0].end(Status(code: .unavailable, message: "lost"))
      peers[0] = try await Self.accept(networks["a"]).0
      #expect(networks.clientCount("a") == 3)
      transport.beginGracefulShutdown()
      for peer in peers {
        try await Self.end(peer)
      }
    }
    #expect(failure == nil)
  }

  @Test("drains the tunnels to one that is gone from the set, and dials what is new")
  func change() async throws {
    let failure = try await Self.run { transport, networks, sets in
      sets.yield(["a", "b"])
      let (a, _) = try await Self.accept(networks["a"])
      let (b, _) = try await Self.accept(networks["b"])
      sets.yield(["b", "c"])
      // It drains, and is not opened again.
      #expect(try await a.nextOrThrow().isDrain)
      try await Self.end(a)
      let (c, _) = try await Self.accept(networks["c"])
      let left = try await transport.tunnelUpdates.firstElement {
        $0.count == 2 && $0.allSatisfy { $0.state.isReady }
      }
      #expect(Set(left.map(\.endpoint)) == ["b", "c"])
      transport.beginGracefulShutdown()
      for peer in [b, c] {
        try await Self.end(peer)
      }
      #expect(networks.clientCount("a") == 1)
    }
    #expect(failure == nil)
  }

  @Test("goes on trying one that fails, which is no matter to the others")
  func oneFails() async throws {
    let failure = try await Self.run { transport, networks, sets in
      sets.yield(["a", "no b"])
      let (a, _) = try await Self.accept(networks["a"])
      let states = try await transport.tunnelUpdates.firstElement { states in
        states.contains { $0.state.isBackingOff } && states.contains { $0.state.isReady }
      }
      #expect(states.count == 2)
      while networks.clientCount("no b") < 3 { await Task.yield() }
      transport.beginGracefulShutdown()
      try await Self.end(a)
    }
    #expect(failure == nil)
  }

  @Test("ends with the error once every endpoint has refused for good")
  func allRefuse() async throws {
    let failure = try await Self.run { transport, networks, sets in
      sets.yield(["a", "b"])
      let (a, _) = try await RawTunnelClient.accept(over: networks["a"], headers: nil)
      try await a.end(Status(code: .unimplemented, message: "no"))
      _ = try await transport.tunnelUpdates.firstElement { $0.contains { $0.state.isStopped } }
      let (b, _) = try await Self.accept(networks["b"])
      try await b.end(Status(code: .unimplemented, message: "no more"))
      for await _ in transport.tunnelUpdates {}
    }
    let error = try #require(failure as? TunnelError)
    #expect((error.cause as? RPCError)?.code == .unimplemented)
  }

  @Test("keeps the last set when there will be no other", arguments: [false, true])
  func lastSet(fails: Bool) async throws {
    let failure = try await Self.run { transport, networks, sets in
      sets.yield(["a"])
      sets.finish(throwing: fails ? Unknown() : nil)
      let (a, _) = try await Self.accept(networks["a"])
      try await a.end(Status(code: .unavailable, message: "lost"))
      let (again, _) = try await Self.accept(networks["a"])
      transport.beginGracefulShutdown()
      try await Self.end(again)
    }
    #expect(failure == nil)
  }

  @Test("without endpoints it ends when there will be none", arguments: [false, true])
  func noEndpoints(fails: Bool) async throws {
    let failure = try await Self.run { transport, _, sets in
      sets.yield([])
      sets.finish(throwing: fails ? Unknown() : nil)
      for await _ in transport.tunnelUpdates {}
    }
    #expect((failure is Unknown) == fails)
  }

  @Test("a graceful shutdown ends the wait for endpoints, and a cancellation ends everything")
  func endings() async throws {
    #expect(try await Self.run { _, _, _ in } == nil)

    let networks = Networks()
    let (stream, sets) = AsyncStream.makeStream(of: Set<String>.self)
    let transport = ReverseTunnelServerTransport(to: stream) { name in
      try networks.makeClient(name)
    }
    sets.yield(["a"])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await transport.listen { _, _ in } }
      let (a, _) = try await Self.accept(networks["a"])
      group.cancelAll()
      try await a.waitUntilReset()
      try await group.waitForAll()
    }
    #expect(networks["a"].openCount == 0)
  }
}
