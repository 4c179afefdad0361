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

/// A hostile tunnel server: the first frame (PROTOCOL.md 3).
@Suite("Hostile servers: settings", .timeLimit(.minutes(5)))
struct ClientSettingsTests {
  struct First: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var message: [UInt8]
    var code: RPCError.Code

    init(_ description: String, _ frame: ServerFrame, _ code: RPCError.Code) {
      self.init(description, frame.encoded(), code)
    }

    init(_ description: String, _ message: [UInt8], _ code: RPCError.Code) {
      self.testDescription = description
      self.message = message
      self.code = code
    }

    static func settings(_ id: StreamID, _ settings: Settings) -> ServerFrame {
      ServerFrame(streamID: id, payload: .settings(settings))
    }
  }

  private static let good = Settings(
    supportedProtocolRevisions: [.zero, .one],
    initialWindowSize: 65_536
  )

  static let faults: [First] = [
    First("settings of stream 0", First.settings(0, Self.good), .internalError),
    First("settings of stream 1", First.settings(1, Self.good), .internalError),
    First("settings of stream -2", First.settings(-2, Self.good), .internalError),
    First("another frame of the tunnel", ServerFrame(streamID: -1, payload: nil), .internalError),
    First("headers", .headers(1), .internalError),
    First("a close", .close(1), .internalError),
    First("a drain", ServerFrame(streamID: -1, payload: .drain(Drain())), .internalError),
    First("an empty carrier message", [], .internalError),
    First("garbage", [0xff, 0xff], .internalError),
    First("no revision", .settings(), .failedPrecondition),
    First("revision 7", .settings(ProtocolRevision(rawValue: 7)), .failedPrecondition),
    First("revision -1", .settings(ProtocolRevision(rawValue: -1)), .failedPrecondition),
    First("a window above 2^31-1", .settings(.one, window: 2_147_483_648), .internalError),
    First(
      "2,000 revisions",
      Wire.frame(-1, Wire.field(6, Wire.field(1, Wire.repeated([1], count: 2000)))),
      .internalError
    ),
  ]

  @Test("a forward tunnel is not opened", arguments: Self.faults)
  func forward(first: First) async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network)
      let (reply, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(bytes: first.message)
        // Given up without a word.
        await #expect(throws: (any Error).self) { try await peer.nextOrThrow() }
        return try await reply
      }
      #expect(reply.error?.code == .unavailable)
      #expect(failure?.code == .peerFault)
      #expect((failure?.cause as? RPCError)?.code == first.code)
    }
    #expect(pair.openCount == 0)
  }

  @Test("a reverse tunnel is not opened", arguments: Self.faults)
  func reverse(first: First) async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(over: pair)
      try await peer.send(bytes: first.message)
      #expect(try await peer.readStatus()?.code == Status.Code(first.code))
      #expect(agents.tunnels.isEmpty)
    }
  }

  @Test("a window of 0 lets nothing out before there is an update")
  func windowOfZero() async throws {
    let settings = ServerFrame.settings(.zero, .one, window: 0)
    try await TunnelClientUnderTest.run(.forward, settings: [settings]) { client in
      async let reply = client.call()
      let (id, _) = try await client.peer.readNewStream()
      // The request's one message, and its end, wait. A second RPC shows that all else goes on.
      async let other = client.call()
      let (otherID, _) = try await client.peer.readNewStream()
      try await client.peer.answer(otherID, [2])
      #expect(try await other.messages == [[2]])

      try await client.send(ServerFrame(streamID: id, payload: .windowUpdate(1)))
      try await client.read(until: .message(id, [9]))
      try await client.read(until: .halfClose(id))
      try await client.peer.answer(id, [1])
      #expect(try await reply.messages == [[1]])
    }
  }

  @Test("at revision zero a window too large means nothing")
  func windowAtRevisionZero() async throws {
    let settings = ServerFrame.settings(.zero, window: .max)
    try await TunnelClientUnderTest.run(.reverse, settings: [settings]) { client in
      try await client.expectToCall()
    }
  }
}
