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

@Suite("What is called when reverse tunnels come and go", .timeLimit(.minutes(5)))
struct ReverseTunnelHooksTests {
  /// What was called, in order.
  private final class Calls: Sendable {
    private let calls = LockedValue<[String]>([])

    var all: [String] {
      self.calls.withLock { $0 }
    }

    func append(_ call: String) {
      self.calls.withLock { $0.append(call) }
    }
  }

  @Test("no RPC goes through a tunnel before `onOpen` has returned, but those for this tunnel")
  func opening() async throws {
    let events = ControlEvents()
    let agents = LockedValue<ReverseTunnels<String>?>(nil)
    let network = AgentNetwork(
      agents: ReverseTunnels(keyHeader: "agent-id") { tunnel, key in
        #expect(key == "shop")
        let agents = try #require(agents.withLock { $0 })
        #expect(!agents.isReady)
        #expect(agents.tunnel(tunnel.id)?.state == .opening)
        try await withGRPCClient(transport: agents.transport(forTunnel: tunnel.id)) { client in
          let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[7]]))
          #expect(reply.messages == [[7]])
        }
        events.happen("opening")
        try await events.wait(for: "let go")
      }
    )
    agents.withLock { $0 = network.agents }
    try await network.serve {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await network.withAgent(key: "shop", name: "first") {
            #expect(network.agents.tunnels.map(\.state) == [.ready])
            try await events.wait(for: "done")
          }
        }
        try await events.wait(for: "opening")
        try await withGRPCClient(transport: network.agents.transport) { client in
          let refused = try await client.call(ControlCall(.unary, [.echo]))
          #expect(refused.error?.code == .unavailable)
          #expect(network.count(of: "first") == 1)
          events.happen("let go")
          let reply = try await client.call(
            ControlCall(.unary, [.echo], options: .defaults { $0.waitForReady = true })
          )
          #expect(reply.error == nil)
        }
        events.happen("done")
        try await group.waitForAll()
      }
    }
  }

  @Test("a tunnel is closed with the error that `onOpen` throws")
  func refusedByOnOpen() async throws {
    let calls = Calls()
    let agents = ReverseTunnels<String>(
      keyHeader: "agent-id",
      onOpen: { _, _ in
        calls.append("open")
        throw RPCError(code: .permissionDenied, message: "not you")
      },
      onClose: { _, key, closure in
        #expect(key == "shop")
        #expect(closure.side == .local)
        calls.append("close")
      }
    )
    let watched = agents.events
    let pair = CarrierPair()
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      let peer = try await RawTunnelServer.dial(over: pair, headers: .shop)
      try await peer.send(.settings(.zero, .one))
      let status = try await peer.readStatus()
      #expect(status?.code == .permissionDenied)
      #expect(status?.message == "not you")
    }
    #expect(calls.all == ["open", "close"])
    #expect(agents.tunnels.isEmpty)
    // Others never heard of it.
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        var events = watched.makeAsyncIterator()
        #expect(await events.next() == nil)
      }
      group.cancelAll()
    }
  }

  @Test("`onOpen` is cancelled when its tunnel ends, and `onClose` waits for it")
  func endsWhileOpening() async throws {
    let calls = Calls()
    let isOpening = OneShotEvent()
    let agents = ReverseTunnels<String>(
      keyHeader: "agent-id",
      onOpen: { _, _ in
        isOpening.fire()
        try? await OneShotEvent().wait()
        calls.append("cancelled")
      },
      onClose: { _, _, _ in calls.append("close") }
    )
    let pair = CarrierPair()
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      let peer = try await RawTunnelServer.dial(over: pair, headers: .shop)
      try await peer.send(.settings(.zero, .one))
      try await isOpening.wait()
      peer.halfClose()
      #expect(try await peer.readStatus()?.code == .ok)
    }
    #expect(calls.all == ["cancelled", "close"])
  }

  @Test("`onClose` is called alone, and not for a tunnel that was never open")
  func onlyOnClose() async throws {
    let calls = Calls()
    let agents = ReverseTunnels<String>(
      keyHeader: "agent-id",
      onClose: { tunnel, _, closure in
        #expect(tunnel.direction == .reverse)
        #expect(closure.side == .remote)
        calls.append("close")
      }
    )
    let pair = CarrierPair()
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      for isOpened in [false, true] {
        let peer = try await RawTunnelServer.dial(over: pair, headers: .shop)
        if isOpened {
          try await peer.send(.settings(.zero, .one))
          try await agents.waitUntilReady()
        }
        peer.halfClose()
        _ = try await peer.readStatus()
        #expect(calls.all.count == (isOpened ? 1 : 0))
      }
    }
  }
}

extension Metadata {
  /// The carrier's headers of an agent without extensions.
  static var shop: Metadata {
    var headers = Metadata.negotiating
    headers.addString("shop", forKey: "agent-id")
    return headers
  }
}
