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

@Suite("Cancellation, by either end and in both directions", .timeLimit(.minutes(5)))
struct CancellationTests {
  private static let waiting: [ControlOrder] = [
    .signal("started"), .awaitCancellation, .signal("handler done"),
  ]

  private static func waitingCall(_ kind: RPCKind) -> ControlCall {
    ControlCall(kind, Self.waiting, metadata: [ControlKey.cancelled: "cancelled"])
  }

  // PROTOCOL.md 4: `cancel` aborts the stream on both ends; after it, frames of that id are ignored.
  @Test(
    "a peer's cancel fires the handler's cancellation handle, and nothing more is sent",
    arguments: RawTunnel.all,
    RPCKind.allCases
  )
  func cancelledByPeer(tunnel: RawTunnel, kind: RPCKind) async throws {
    let events = ControlEvents()
    try await tunnel.withOurServer(offering: [ControlService(events: events)]) { peer in
      try await peer.send(.call(1, Self.waitingCall(kind)))
      // Of the kinds with one request message the handler begins with it.
      try await peer.send(.message(1, []))
      try await peer.send(.halfClose(1))
      try await events.wait(for: "started")
      try await peer.send(.cancel(1))
      try await events.wait(for: "cancelled")
      try await events.wait(for: "handler done")

      try await peer.send(.message(1, [9]))
      try await peer.send(.call(2, ControlCall(.unary, [.echo])))
      try await peer.send(.message(2, [1]))
      try await peer.send(.halfClose(2))
      while true {
        let frame = try await peer.nextOrThrow()
        if frame.streamID == 1 {
          // Headers that were sent before.
          #expect(frame == .headers(1))
        } else if let status = frame.closeStatus {
          #expect(status.rpcCode == .ok)
          break
        }
      }
    }
  }

  // PROTOCOL.md 4: a tunnel client that ends a stream on its own account sends `cancel`.
  @Test(
    "a caller whose task is cancelled sends a cancel, and gets CANCELLED",
    arguments: RawTunnel.all,
    RPCKind.allCases
  )
  func cancelledByTask(tunnel: RawTunnel, kind: RPCKind) async throws {
    try await tunnel.withOurClient { client, peer in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let reply = try? await client.call(ControlCall(kind, []))
          #expect(reply?.error?.code ?? .cancelled == .cancelled)
        }
        let (id, _) = try await peer.readNewStream()
        group.cancelAll()
        while try await peer.nextOrThrow() != .cancel(id) {}
        // What comes later for it is ignored.
        try await peer.send(.message(id, [1]))
        try await peer.send(.close(id))
      }
      async let next = client.call(ControlCall(kind, []))
      let (id, _) = try await peer.readNewStream()
      try await peer.answer(id, [1])
      #expect(try await next.messages == [[1]])
    }
  }

  // PROTOCOL.md 4: a tunnel server that ends a stream on its own account sends `close_stream`.
  @Test("a peer's close with CANCELLED is the caller's status", arguments: RawTunnel.all)
  func closedByPeer(tunnel: RawTunnel) async throws {
    try await tunnel.withOurClient { client, peer in
      for kind in RPCKind.allCases {
        async let reply = client.call(ControlCall(kind, []))
        let (id, _) = try await peer.readNewStream()
        try await peer.send(.close(id, WireStatus(code: 1, message: "enough")))
        let error = try await reply.error
        #expect(error?.code == .cancelled)
        #expect(error?.message == "enough")
      }
    }
  }

  // MARK: - Closing the tunnel

  @Test("a forward tunnel that its client closes fails the RPCs with UNAVAILABLE, at both ends")
  func forwardClosedByClient() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let tunnels = TunnelService(services: [ControlService(events: events)])
    try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = TunnelClientTransport(over: network)
        try await withThrowingTaskGroup(of: Void.self) { running in
          running.addTask { try await transport.connect() }
          async let failure = transport.directCallFailure(Self.waitingCall(.bidirectional))
          try await events.wait(for: "started")
          running.cancelAll()
          #expect(await failure?.code == .unavailable)
          #expect(await failure?.message.contains("closed by this end") == true)
          try await events.wait(for: "cancelled")
          try await events.wait(for: "handler done")
          try await running.waitForAll()
        }
      }
    }
  }

  @Test("a reverse tunnel that its server closes fails the RPCs with UNAVAILABLE, at both ends")
  func reverseClosedByServer() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let agents = ReverseTunnels { _ in "agent" }
    let contexts = SeenContexts()
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let server = GRPCServer(
          transport: ReverseTunnelServerTransport(over: network),
          services: [ControlService(events: events)],
          interceptors: [contexts]
        )
        try await withThrowingTaskGroup(of: Void.self) { running in
          running.addTask { try await server.serve() }
          try await agents.waitUntilReady()
          async let failure = agents.transport.directCallFailure(Self.waitingCall(.bidirectional))
          try await events.wait(for: "started")
          running.cancelAll()
          #expect(await failure?.code == .unavailable)
          // The handler's task was cancelled too: what waits for the handle in it may hear of that
          // first, and go.
          try await contexts.atServer.first?.cancellation.cancelled
          try? await running.waitForAll()
        }
      }
    }
  }

  @Test("a forward tunnel whose client gives the carrier up cancels its handlers")
  func forwardGivenUpByPeer() async throws {
    let events = ControlEvents()
    let pair = CarrierPair()
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(services: [ControlService(events: events)])]
    ) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await peer.send(.call(1, Self.waitingCall(.bidirectional)))
      try await events.wait(for: "started")
      peer.cancel()
      try await events.wait(for: "cancelled")
      try await events.wait(for: "handler done")
    }
  }

  @Test("a reverse tunnel whose agent gives the carrier up fails its RPCs with UNAVAILABLE")
  func reverseGivenUpByPeer() async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels { _ in "agent" }
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      let peer = try await RawTunnelServer.dial(over: pair)
      _ = try await peer.receiveHeaders()
      try await peer.send(.settings(.zero, .one))
      try await agents.waitUntilReady()
      async let failure = agents.transport.directCallFailure(ControlCall(.unary, []))
      _ = try await peer.readNewStream()
      peer.cancel()
      #expect(await failure?.code == .unavailable)
      #expect(await failure?.message.hasPrefix("The tunnel was lost") == true)
    }
  }
}
