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

/// What peers may make an end keep.
@Suite("Limits: what waits to be read", .timeLimit(.minutes(5)))
struct UnreadLimitTests {
  private static let size = 60_000

  private static func stuck(_ event: String) -> ControlCall {
    ControlCall(.bidirectional, [.wait(event), .count])
  }

  private static func config(
    _ configure: (inout TunnelConfig.Limits) -> Void
  ) -> TunnelConfig {
    .defaults { configure(&$0.limits) }
  }

  @Test(
    "beyond the limit of a tunnel, one RPC ends at its server",
    arguments: TestTunnel.Direction.allCases
  )
  func server(direction: TestTunnel.Direction) async throws {
    let config = Self.config { $0.maximumUnreadBytesPerTunnel = 100_000 }
    try await TunnelServerUnderTest.run(direction, config: config) { server in
      let message = [UInt8](pattern: Self.size)
      try await server.send(
        .call(1, Self.stuck("read")),
        .message(1, message),
        .call(2, Self.stuck("read")),
        .message(2, message)
      )
      let status = try await server.readClose(of: 2)
      #expect(status.rpcCode == .resourceExhausted)
      #expect(status.message.contains("100000"))
      server.events.happen("read")
      try await server.send(.halfClose(1))
      #expect(try await server.readClose(of: 1).rpcCode == .ok)
      try await server.expectToServe(3)
    }
  }

  @Test(
    "beyond the limit of a tunnel, one RPC ends at its client",
    arguments: TestTunnel.Direction.allCases
  )
  func client(direction: TestTunnel.Direction) async throws {
    let config = Self.config { $0.maximumUnreadBytesPerTunnel = 100_000 }
    try await TunnelClientUnderTest.run(direction, config: config) { client in
      let message = [UInt8](pattern: Self.size)
      async let first = client.call(isRead: false)
      let (firstID, _) = try await client.peer.readNewStream()
      async let second = client.call(isRead: false)
      let (secondID, _) = try await client.peer.readNewStream()
      try await client.send(
        .headers(firstID),
        .message(firstID, message),
        .headers(secondID),
        .message(secondID, message)
      )
      try await client.read(until: .cancel(secondID))
      try await client.send(.close(firstID))
      client.events.happen("read")
      #expect(try await second.code == .resourceExhausted)
      let outcome = try await first
      #expect(outcome.code == .ok)
      #expect(outcome.messages == [message])
      try await client.expectToCall()
    }
  }

  @Test("more empty messages than may wait end their RPC")
  func emptyMessages() async throws {
    let config = Self.config { $0.maximumUnreadEmptyMessages = 2 }
    try await TunnelServerUnderTest.run(.forward, config: config) { server in
      try await server.start(isRead: false)
      try await server.send(.message(1, []), .message(1, []), .message(1, []))
      let status = try await server.readClose(of: 1)
      #expect(status.rpcCode == .resourceExhausted)
      #expect(status.message.contains("2 empty messages"))
      server.events.happen("read")
      try await server.expectToServe(2)
    }
  }

  @Test("tunnels of one service share what they may keep, but for a little")
  func service() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let service = TunnelService(
      services: [ControlService(events: events)],
      config: Self.config { $0.maximumUnreadBytes = 65_536 }
    )
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let (first, second) = (
        try await RawTunnelClient.dial(over: pair), try await RawTunnelClient.dial(over: pair)
      )
      let message = [UInt8](pattern: Self.size)
      let send = { (peer: RawTunnelClient, id: StreamID, event: String) in
        try await peer.send(.call(id, Self.stuck(event)))
        try await peer.send(.message(id, message))
      }
      // The first takes all that there is, and gets no more.
      try await send(first, 1, "read first")
      try await send(first, 2, "read first")
      try await send(first, 3, "read first")
      let refused = try await first.readClose(of: 3)
      #expect(refused.rpcCode == .resourceExhausted)
      #expect(refused.message.contains("65536"))

      // The second still has its little.
      try await send(second, 1, "read second")
      try await send(second, 2, "read second")
      #expect(try await second.readClose(of: 2).rpcCode == .resourceExhausted)

      // What the first has read the second may have.
      events.happen("read first")
      for id in [1, 2] as [StreamID] {
        try await first.send(.halfClose(id))
        #expect(try await first.readClose(of: id).rpcCode == .ok)
      }
      try await send(second, 3, "read second")
      events.happen("read second")
      for id in [1, 3] as [StreamID] {
        try await second.send(.halfClose(id))
        #expect(try await second.readClose(of: id).rpcCode == .ok)
      }
      for peer in [first, second] {
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
  }

  @Test("what a tunnel has taken is given back when it ends")
  func givenBack() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let service = TunnelService(
      services: [ControlService(events: events)],
      config: Self.config { $0.maximumUnreadBytes = 65_536 }
    )
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      for _ in 0 ..< 5 {
        let peer = try await RawTunnelClient.dial(over: pair)
        for id in [1, 2] as [StreamID] {
          let call = ControlCall(
            .bidirectional,
            [.signal("started"), .awaitCancellation],
            metadata: [ControlKey.cancelled: "cancelled"]
          )
          try await peer.send(.call(id, call))
          try await peer.send(.message(id, [UInt8](pattern: Self.size)))
        }
        // Answered only if nothing was refused before.
        try await peer.send(.call(3, ControlCall(.unary, [.echo])))
        try await peer.send(.message(3, [1]))
        try await peer.send(.halfClose(3))
        while true {
          let frame = try await peer.nextOrThrow()
          guard let status = frame.closeStatus else { continue }
          #expect(frame.streamID == 3)
          #expect(status.rpcCode == .ok)
          break
        }
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
  }
}
