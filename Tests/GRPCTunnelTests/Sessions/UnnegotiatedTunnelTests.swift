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

/// A peer that does not send `grpctunnel-negotiate`: PROTOCOL.md 3.4.
@Suite("A tunnel without negotiation", .timeLimit(.minutes(5)))
struct UnnegotiatedTunnelTests {
  @Test("a forward tunnel server serves it at revision zero")
  func forwardServer() async throws {
    let pair = CarrierPair()
    let service = TunnelService(services: [ControlService(events: ControlEvents())])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair, headers: [:])
      try await Self.callAsClient(peer)
      peer.halfClose()
      #expect(try await peer.readStatus()?.code == .ok)
    }
  }

  @Test("a reverse tunnel server serves it at revision zero")
  func reverseServer() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network),
        services: [ControlService(events: ControlEvents())]
      ) { _ in
        let (peer, _) = try await RawTunnelClient.accept(over: pair, headers: [:])
        try await Self.callAsClient(peer)
        try await peer.end()
      }
    }
  }

  private static func callAsClient(_ peer: RawTunnelClient) async throws {
    try await peer.send(.call(1, ControlCall(.unary, [.echo]), revision: .zero, window: 0))
    try await peer.send(.message(1, [1, 2, 3]))
    try await peer.send(.halfClose(1))
    // No settings come first.
    let first = try await peer.nextOrThrow()
    #expect(first == .headers(1))
    #expect(try await peer.nextOrThrow() == .message(1, [1, 2, 3]))
    #expect(try await peer.nextOrThrow().closeStatus?.rpcCode == .ok)

    // Revision one was not negotiated: that stream is refused, the tunnel lives on.
    try await peer.send(.call(2, ControlCall(.unary, [.echo]), revision: .one))
    #expect(try await peer.readClose(of: 2).rpcCode == .unavailable)
    try await peer.send(.call(3, ControlCall(.unary, [.echo]), revision: .zero))
    try await peer.send(.message(3, []))
    try await peer.send(.halfClose(3))
    #expect(try await peer.readClose(of: 3).rpcCode == .ok)
  }

  @Test("a forward tunnel client calls through it at revision zero")
  func forwardClient() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCClient(transport: .tunnel(over: network)) { client in
        async let reply = client.call(ControlCall(.unary, [.echo], messages: [[7]]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair, headers: [:])
        try await Self.answerAsServer(peer)
        #expect(try await reply.messages == [[8, 9]])
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
      }
    }
  }

  @Test("a reverse tunnel client calls through it at revision zero")
  func reverseClient() async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(over: pair, headers: [:])
      try await agents.waitUntilReady()
      try await withGRPCClient(transport: agents.transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo], messages: [[7]]))
        try await Self.answerAsServer(peer)
        #expect(try await reply.messages == [[8, 9]])
      }
      peer.halfClose()
      #expect(try await peer.readStatus()?.code == .ok)
    }
  }

  private static func answerAsServer(_ peer: RawTunnelServer) async throws {
    let (id, newStream) = try await peer.readNewStream()
    #expect(newStream.protocolRevision == .zero)
    #expect(try await peer.nextOrThrow() == .message(id, [7]))
    #expect(try await peer.nextOrThrow() == .halfClose(id))
    try await peer.answer(id, [8, 9])
  }
}
