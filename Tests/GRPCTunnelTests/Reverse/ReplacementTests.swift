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

@Suite("A reverse tunnel whose client dials again (PROTOCOL.md 10)", .timeLimit(.minutes(5)))
struct ReplacementTests {
  private static func run(
    clock: ManualClock = ManualClock(),
    _ body:
      @Sendable (_ agents: ReverseTunnels<String>, _ pair: CarrierPair) async throws -> Void
  ) async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels<String>(clock: clock.clock) { request in
      request.metadata.strings("key").first ?? "agent"
    }
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      try await body(agents, pair)
    }
  }

  /// Opens a tunnel.
  private static func dial(
    _ agents: ReverseTunnels<String>,
    _ pair: CarrierPair,
    _ identity: TunnelIdentity?,
    key: String = "agent",
    extensions: TunnelExtension...
  ) async throws -> RawTunnelServer {
    var headers = Metadata()
    CarrierHeaders(negotiates: true, extensions: Set(extensions)).write(into: &headers)
    identity?.write(into: &headers)
    headers.addString(key, forKey: "key")
    var events = agents.events.makeAsyncIterator()
    let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
    _ = try await peer.receiveHeaders()
    try await peer.send(.settings(.zero, .one))
    while case .some(let event) = await events.next() {
      if case .opened = event { return peer }
    }
    throw EndedTooEarly()
  }

  private static let identity = TunnelIdentity(instance: "a", slot: 0)

  private static func start(
    _ agents: ReverseTunnels<String>
  ) -> @Sendable () async throws -> ControlReply {
    let client = GRPCClient(transport: agents.transport)
    return { try await client.call(ControlCall(.unary, [.echo])) }
  }

  @Test("is drained: its RPCs end, and new ones go through the tunnel that has taken its place")
  func drained() async throws {
    try await Self.run { agents, pair in
      let old = try await Self.dial(agents, pair, Self.identity, extensions: .identity, .drain)
      let call = Self.start(agents)
      async let running = call()
      let (oldID, _) = try await old.readNewStream()

      let new = try await Self.dial(agents, pair, Self.identity, extensions: .identity, .drain)
      // The old one is told, and asked whether it lives.
      while try await old.nextOrThrow() != ClientFrame(streamID: .tunnel, payload: .halfClose) {}
      let (probe, newStream) = try await old.readNewStream()
      #expect(newStream.methodName == "/\(TunnelServerStateMachine.probeMethod)")
      try await old.send(.close(probe))

      for _ in 0 ..< 3 {
        async let next = call()
        let (id, _) = try await new.readNewStream()
        try await new.answer(id, [2])
        #expect(try await next.messages == [[2]])
      }
      try await old.answer(oldID, [1])
      #expect(try await running.messages == [[1]])
      #expect(try await old.readStatus()?.code == .ok)
      #expect(agents.tunnels.count == 1)
    }
  }

  @Test("is closed, and its RPCs fail, when it gives no sign of life")
  func dead() async throws {
    let clock = ManualClock()
    try await Self.run(clock: clock) { agents, pair in
      let old = try await Self.dial(agents, pair, Self.identity, extensions: .identity)
      let call = Self.start(agents)
      async let running = call()
      _ = try await old.readNewStream()

      let new = try await Self.dial(agents, pair, Self.identity, extensions: .identity)
      _ = try await old.readNewStream()
      try await clock.waitForSleeper(until: .seconds(10))
      clock.advance(by: .seconds(10))
      let error = try await running.error
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("liveness probe") == true)
      #expect(try await old.readStatus()?.code == .unavailable)

      async let next = call()
      let (id, _) = try await new.readNewStream()
      try await new.answer(id, [2])
      #expect(try await next.messages == [[2]])
    }
  }

  /// A second tunnel beside the first one, with an identity of `Self.identity`.
  struct Other: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var identity: TunnelIdentity? = ReplacementTests.identity
    var key = "agent"
    var hasExtension = true
  }

  private static let others = [
    Other(testDescription: "another slot", identity: TunnelIdentity(instance: "a", slot: 1)),
    Other(testDescription: "another instance", identity: TunnelIdentity(instance: "b", slot: 0)),
    Other(testDescription: "another key", key: "other"),
    Other(testDescription: "no identity", identity: nil),
    Other(
      testDescription: "an identity that is not valid",
      identity: .init(instance: "/", slot: 0)
    ),
    Other(testDescription: "no extension", hasExtension: false),
  ]

  @Test("is left alone by a tunnel that does not take its place", arguments: others)
  func leftAlone(by other: Other) async throws {
    try await Self.run { agents, pair in
      let first = try await Self.dial(agents, pair, Self.identity, extensions: .identity)
      _ =
        other.hasExtension
        ? try await Self.dial(agents, pair, other.identity, key: other.key, extensions: .identity)
        : try await Self.dial(agents, pair, other.identity, key: other.key)
      // The first frame that comes is of an RPC for it, and not a probe.
      try await withGRPCClient(
        transport: agents.transport(forTunnel: agents.tunnels[0].tunnel.id)
      ) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (id, newStream) = try await first.readNewStream()
        #expect(newStream.methodName == "/\(RPCKind.unary.controlMethod.fullyQualifiedMethod)")
        try await first.answer(id, [1])
        #expect(try await reply.messages == [[1]])
      }
      #expect(agents.tunnels.count == 2)
    }
  }

}
