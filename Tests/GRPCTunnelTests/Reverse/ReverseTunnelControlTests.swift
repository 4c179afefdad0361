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
internal import GRPCTunnel
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Looking at reverse tunnels, and ending them", .timeLimit(.minutes(5)))
struct ReverseTunnelControlTests {
  @Test("a snapshot tells what a tunnel does")
  func snapshot() async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        try await withGRPCClient(transport: network.agents.transport) { client in
          _ = try await client.call(ControlCall(.unary, [.echo], messages: [[1, 2, 3]]))
          _ = try await client.call(ControlCall(.unary, [.fail(7, "no")]))
          async let open = client.call(
            ControlCall(.unary, [.signal("started"), .wait("let go"), .echo])
          )
          try await network.events.wait(for: "started")
          let tunnel = try #require(network.agents.tunnels.first)
          #expect(tunnel.key == "shop")
          #expect(tunnel.state == .ready)
          #expect(tunnel.openStreams == 1)
          #expect(tunnel.age >= .zero)
          #expect(tunnel.statistics.startedRPCs == 3)
          #expect(tunnel.statistics.finishedRPCs == [.ok: 1, .permissionDenied: 1])
          #expect(tunnel.statistics.receivedMessages == 1)
          #expect(tunnel.statistics.receivedBytes == 3)
          #expect(tunnel.statistics.bufferedBytes == 0)
          #expect(network.agents.tunnel(tunnel.tunnel.id)?.openStreams == 1)
          network.events.happen("let go")
          _ = try await open
        }
      }
      #expect(network.agents.tunnels.isEmpty)
    }
  }

  @Test("tunnels are counted by key")
  func counts() async throws {
    try await AgentNetwork.run { network in
      #expect(network.agents.counts.isEmpty)
      try await network.withAgent(key: "shop", name: "first") {
        try await network.withAgent(key: "shop", name: "second") {
          try await network.withAgent(key: "office", name: "third") {
            #expect(network.agents.counts == ["shop": 2, "office": 1])
            #expect(network.agents.count == 3)
            #expect(network.agents.count(forKey: "shop") == 2)
            #expect(network.agents.count(forKey: "nobody") == 0)
          }
        }
      }
      #expect(network.agents.counts.isEmpty)
    }
  }

  @Test("a tunnel that is drained lets its RPCs end, takes no more, and is closed")
  func drain() async throws {
    try await Self.withTunnel { agents, id, peer in
      var events = agents.events.makeAsyncIterator()
      try await withGRPCClient(transport: agents.transport) { client in
        async let open = client.call(ControlCall(.unary, [.echo]))
        let (stream, _) = try await peer.readNewStream()
        #expect(agents.drain(id))
        #expect(agents.tunnel(id)?.state == .draining(.local))
        #expect(!agents.isReady)
        guard case .draining(_, key: "shop", side: .local)? = await events.next() else {
          Issue.record("There is no event of the drain.")
          return
        }
        let refused = try await client.call(ControlCall(.unary, [.echo]))
        #expect(refused.error?.code == .unavailable)
        try await peer.answer(stream, [9])
        #expect(try await open.messages == [[9]])
      }
      #expect(try await peer.readStatus()?.code == .ok)
      guard case .closed(_, key: "shop", closure: let closure)? = await events.next() else {
        Issue.record("There is no event of the end.")
        return
      }
      #expect(closure.side == .local)
      #expect(closure.error == nil)
      #expect(!agents.drain(id))
    }
  }

  @Test("a tunnel that is drained is replaced by its client before it is closed")
  func replacement() async throws {
    try await AgentNetwork.run { network in
      let agents = network.agents
      try await network.withAgent(key: "shop", name: "first") {
        let first = try #require(agents.tunnels.first).tunnel.id
        var events = agents.events.makeAsyncIterator()
        try await withGRPCClient(transport: agents.transport) { client in
          async let open = client.call(
            ControlCall(.unary, [.signal("started"), .wait("let go"), .echo], messages: [[1]])
          )
          try await network.events.wait(for: "started")
          agents.drain(first)
          guard case .draining(let draining, key: _, side: .local)? = await events.next(),
            case .opened(let second, key: "shop")? = await events.next()
          else {
            Issue.record("There is no other tunnel while the first one drains.")
            return
          }
          #expect(draining.id == first)
          let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[2]]))
          #expect(reply.metadata.strings(TunnelID.metadataKey) == ["\(second.id)"])
          #expect(agents.tunnel(first)?.openStreams == 1)
          network.events.happen("let go")
          #expect(try await open.messages == [[1]])
          guard case .closed(let closed, key: _, let closure)? = await events.next() else {
            Issue.record("The first tunnel does not end.")
            return
          }
          #expect(closed.id == first)
          #expect(closure.error == nil)
        }
      }
    }
  }

  @Test(
    "a tunnel that is closed fails its RPCs, and its client learns why",
    arguments: [true, false]
  )
  func close(hasReason: Bool) async throws {
    try await Self.withTunnel { agents, id, peer in
      var events = agents.events.makeAsyncIterator()
      try await withGRPCClient(transport: agents.transport) { client in
        async let open = client.call(ControlCall(.unary, [.echo]))
        _ = try await peer.readNewStream()
        let reason = RPCError(code: .permissionDenied, message: "revoked")
        #expect(agents.close(id, reason: hasReason ? reason : nil))
        #expect(agents.tunnels.isEmpty)
        #expect(try await open.error?.code == .unavailable)
      }
      let status = try await peer.readStatus()
      #expect(status?.code == (hasReason ? .permissionDenied : .ok))
      #expect(status?.message == (hasReason ? "revoked" : ""))
      guard case .closed(_, key: _, closure: let closure)? = await events.next() else {
        Issue.record("There is no event of the end.")
        return
      }
      #expect(closure.side == .local)
      #expect(closure.error?.code == (hasReason ? .closedByApplication : nil))
      #expect(closure.reason == (hasReason ? "revoked" : nil))
      #expect(!agents.close(id))
    }
  }

  @Test("a tunnel whose client drains is not chosen any more")
  func peerDrains() async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        var headers = Metadata.negotiating(extensions: .drain)
        headers.addString("shop", forKey: "agent-id")
        var events = network.agents.events.makeAsyncIterator()
        let peer = try await RawTunnelServer.dial(over: network.pair, headers: headers)
        try await peer.send(.settings(.zero, .one))
        guard case .opened? = await events.next() else { return }
        #expect(network.agents.count == 2)
        try await peer.send(
          ServerFrame(streamID: .tunnel, payload: .drain(Drain(lastStreamID: 0)))
        )
        guard case .draining(let tunnel, key: _, side: .remote)? = await events.next() else {
          Issue.record("There is no event of the drain.")
          return
        }
        #expect(network.agents.tunnel(tunnel.id)?.state == .draining(.remote))
        try await withGRPCClient(transport: network.agents.transport) { client in
          for _ in 0 ..< 4 {
            _ = try await client.call(ControlCall(.unary, [.echo]))
          }
        }
        #expect(network.count(of: "first") == 4)
        peer.halfClose()
        _ = try await peer.readStatus()
      }
    }
  }

  /// Opens a tunnel with a client made by hand.
  private static func withTunnel(
    _ body: @Sendable (ReverseTunnels<String>, TunnelID, RawTunnelServer) async throws -> Void
  ) async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels(keyHeader: "agent-id")
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      let peer = try await RawTunnelServer.dial(over: pair, headers: .shop)
      try await peer.send(.settings(.zero, .one))
      try await agents.waitUntilReady()
      let tunnel = try #require(agents.tunnels.first)
      try await body(agents, tunnel.tunnel.id, peer)
    }
  }
}
