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

/// PROTOCOL.md 10: the two facts that permit a retry, and what does not.
@Suite("An RPC that its tunnel has not processed", .timeLimit(.minutes(5)))
struct MovedRPCTests {
  private let network = AgentNetwork()

  /// An agent made by hand, whose tunnel is open and takes RPCs.
  private func openAgent(
    _ extensions: TunnelExtension...,
    tunnels: Int
  ) async throws -> RawTunnelServer {
    var events = self.network.agents.events.makeAsyncIterator()
    var headers = Metadata()
    CarrierHeaders(negotiates: true, extensions: Set(extensions)).write(into: &headers)
    headers.addString("shop", forKey: "agent-id")
    let agent = try await RawTunnelServer.dial(over: self.network.pair, headers: headers)
    try await agent.send(.settings(.zero, .one))
    while self.network.agents.tunnels.count < tunnels { _ = await events.next() }
    return agent
  }

  private static func refusal(_ id: StreamID, isUnprocessed: Bool) -> ServerFrame {
    let status = WireStatus(code: 14, message: "go away")
    return ServerFrame(
      streamID: id,
      payload: .closeStream(CloseStream(status: status, unprocessed: isUnprocessed))
    )
  }

  /// Makes a call while `body` plays the agents.
  private func withCall(
    _ call: ControlCall,
    _ body: @Sendable () async throws -> Void
  ) async throws -> ControlReply {
    let transport = self.network.agents.transport(forKey: "shop")
    return try await withGRPCClient(transport: transport) { client in
      async let reply = client.call(call)
      try await body()
      return try await reply
    }
  }

  /// Reads a call of one message to the end of its request.
  private func readCall(_ agent: RawTunnelServer, _ message: [UInt8]) async throws -> StreamID {
    let (id, newStream) = try await agent.readNewStream()
    #expect(newStream.requestHeaders?["text"] == ["value"])
    let envelope = MessageEnvelope(size: UInt32(message.count), data: message[...])
    #expect(
      try await agent.nextOrThrow()
        == ClientFrame(streamID: id, payload: .requestMessage(envelope))
    )
    #expect(try await agent.nextOrThrow() == .halfClose(id))
    return id
  }

  @Test("moves to another tunnel with all that it has sent", arguments: RPCKind.allCases)
  func refused(kind: RPCKind) async throws {
    try await self.network.serve {
      let first = try await self.openAgent(.refused, tunnels: 1)
      let call = ControlCall(kind, [], messages: [[1, 2, 3]], metadata: ["text": "value"])
      let reply = try await self.withCall(call) {
        let id = try await self.readCall(first, [1, 2, 3])
        let second = try await self.openAgent(tunnels: 2)
        try await first.send(Self.refusal(id, isUnprocessed: true))
        try await second.answer(try await self.readCall(second, [1, 2, 3]), [4, 5])
      }
      #expect(reply.error == nil)
      #expect(reply.messages == [[4, 5]])
      let second = try #require(self.network.agents.tunnels.last).tunnel.id
      #expect(reply.metadata.strings(TunnelID.metadataKey) == ["\(second)"])
    }
  }

  @Test("and moves on from there, once to each")
  func refusedTwice() async throws {
    try await self.network.serve {
      let first = try await self.openAgent(.refused, tunnels: 1)
      let call = ControlCall(.unary, [], messages: [[1]], metadata: ["text": "value"])
      let reply = try await self.withCall(call) {
        let id = try await self.readCall(first, [1])
        let second = try await self.openAgent(.refused, tunnels: 2)
        try await first.send(Self.refusal(id, isUnprocessed: true))
        let idInSecond = try await self.readCall(second, [1])
        try await second.send(Self.refusal(idInSecond, isUnprocessed: true))
      }
      #expect(reply.error?.code == .unavailable)
      #expect(reply.error?.message == "go away", "The last tunnel's refusal")
    }
  }

  @Test("moves when the drain of its tunnel leaves it out")
  func drained() async throws {
    try await self.network.serve {
      let first = try await self.openAgent(.drain, tunnels: 1)
      let call = ControlCall(.unary, [], messages: [[1]], metadata: ["text": "value"])
      let reply = try await self.withCall(call) {
        _ = try await self.readCall(first, [1])
        let second = try await self.openAgent(tunnels: 2)
        try await first.send(
          ServerFrame(streamID: .tunnel, payload: .drain(Drain(lastStreamID: 0)))
        )
        try await second.answer(try await self.readCall(second, [1]), [9])
      }
      #expect(reply.messages == [[9]])
    }
  }

  @Test("stays where a refusal says nothing of the kind", arguments: [true, false])
  func notMarked(isNegotiated: Bool) async throws {
    try await self.network.serve {
      let first =
        isNegotiated
        ? try await self.openAgent(.refused, tunnels: 1) : try await self.openAgent(tunnels: 1)
      let call = ControlCall(.unary, [], messages: [[1]], metadata: ["text": "value"])
      let reply = try await self.withCall(call) {
        let id = try await self.readCall(first, [1])
        _ = try await self.openAgent(tunnels: 2)
        // Without the extension the mark is not known, and says nothing.
        try await first.send(Self.refusal(id, isUnprocessed: !isNegotiated))
      }
      #expect(reply.error?.code == .unavailable)
      #expect(reply.error?.message == "go away")
    }
  }

  @Test("stays when its tunnel is lost, for it may have been processed")
  func lost() async throws {
    try await self.network.serve {
      let first = try await self.openAgent(.refused, .drain, tunnels: 1)
      let call = ControlCall(.unary, [], messages: [[1]], metadata: ["text": "value"])
      let reply = try await self.withCall(call) {
        _ = try await self.readCall(first, [1])
        _ = try await self.openAgent(tunnels: 2)
        first.cancel()
      }
      #expect(reply.error?.code == .unavailable)
    }
  }

  @Test("stays when it has sent more than a window")
  func tooMuch() async throws {
    try await self.network.serve {
      let first = try await self.openAgent(.refused, tunnels: 1)
      let call = ControlCall(.clientStreaming, [], messages: [[UInt8](pattern: 70_000)])
      let reply = try await self.withCall(call) {
        let (id, _) = try await first.readNewStream()
        var count = 0
        while count < 65_536 {
          count += try await first.nextOrThrow().payload?.dataByteCount ?? 0
        }
        _ = try await self.openAgent(tunnels: 2)
        try await first.send(Self.refusal(id, isUnprocessed: true))
      }
      #expect(reply.error?.code == .unavailable)
      #expect(reply.error?.message == "go away")
    }
  }

  @Test("stays when something has come back before")
  func headersFirst() async throws {
    try await self.network.serve {
      let first = try await self.openAgent(.refused, tunnels: 1)
      let call = ControlCall(.unary, [], messages: [[1]], metadata: ["text": "value"])
      let reply = try await self.withCall(call) {
        let id = try await self.readCall(first, [1])
        _ = try await self.openAgent(tunnels: 2)
        try await first.send(.headers(id))
        try await first.send(Self.refusal(id, isUnprocessed: true))
      }
      #expect(reply.error?.code == .unavailable)
    }
  }

  @Test("keeps its messages in order while its application goes on to write")
  func writesOn() async throws {
    let count = 200
    try await self.network.serve {
      let first = try await self.openAgent(.refused, tunnels: 1)
      let messages = (0 ..< count).map { [UInt8($0)] }
      let reply = try await self.withCall(ControlCall(.bidirectional, [], messages: messages)) {
        let (id, _) = try await first.readNewStream()
        let second = try await self.openAgent(tunnels: 2)
        _ = try await first.nextOrThrow()
        try await first.send(Self.refusal(id, isUnprocessed: true))

        let (idInSecond, _) = try await second.readNewStream()
        var received: [[UInt8]] = []
        reading: while true {
          switch try await second.nextOrThrow().payload {
          case .requestMessage(let envelope): received.append(Array(envelope.data))
          case .halfClose: break reading
          case let other:
            Issue.record("Unexpected frame \(String(describing: other))")
            break reading
          }
        }
        #expect(received == messages)
        try await second.answer(idInSecond, [7])
      }
      #expect(reply.messages == [[7]])
    }
  }

  @Test("waits for another tunnel when it is to wait")
  func waits() async throws {
    try await self.network.serve {
      let first = try await self.openAgent(.refused, .drain, tunnels: 1)
      let call = ControlCall(
        .unary,
        [],
        messages: [[1]],
        metadata: ["text": "value"],
        options: .defaults { $0.waitForReady = true }
      )
      let reply = try await self.withCall(call) {
        _ = try await self.readCall(first, [1])
        try await first.send(
          ServerFrame(streamID: .tunnel, payload: .drain(Drain(lastStreamID: 0)))
        )
        let second = try await self.openAgent(tunnels: 2)
        try await second.answer(try await self.readCall(second, [1]), [9])
      }
      #expect(reply.messages == [[9]])
    }
  }
}
