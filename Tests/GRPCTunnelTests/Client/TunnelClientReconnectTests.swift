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

@Suite("A forward tunnel that is opened again", .timeLimit(.minutes(5)))
struct TunnelClientReconnectTests {
  private static func call(_ number: UInt8, waits: Bool = false) -> ControlCall {
    ControlCall(
      .unary,
      [.echo],
      messages: [[number]],
      options: .defaults { $0.waitForReady = waits }
    )
  }

  /// Runs a client whose tunnels end at peers made by hand.
  private static func run(
    clock: ManualClock,
    _ body:
      @Sendable (
        _ client: GRPCClient<TunnelClientTransport>,
        _ transport: TunnelClientTransport,
        _ pair: CarrierPair
      ) async throws -> Void
  ) async throws -> TunnelError? {
    let pair = CarrierPair()
    return try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, reconnect: .defaults, clock: clock.clock)
      return try await withRunningClient(transport: transport) { client in
        try await body(client, transport, pair)
      }.failure
    }
  }

  /// Takes the tunnel that the client opens.
  private static func accept(
    _ pair: CarrierPair,
    extensions: TunnelExtension...
  ) async throws -> RawTunnelServer {
    var headers = Metadata()
    CarrierHeaders(negotiates: true, extensions: Set(extensions)).write(into: &headers)
    let (peer, _) = try await RawTunnelServer.accept(over: pair, headers: headers)
    try await peer.send(.settings(.zero, .one))
    return peer
  }

  private static func end(_ peer: RawTunnelServer) async throws {
    while try await peer.next() != nil {}
    try await peer.end()
  }

  /// Lets the wait of a backoff pass.
  private static func passBackoff(
    _ transport: TunnelClientTransport,
    _ clock: ManualClock
  ) async throws {
    let state = try await transport.states.firstElement { $0.isBackingOff }
    guard case .backingOff(_, let nextAttempt) = state else { return }
    let time = clock.origin.duration(to: nextAttempt)
    try await clock.waitForSleeper(until: time)
    clock.advance(by: time - clock.clock.now())
  }

  @Test("fails its RPCs when it is lost; later ones fail too, unless they wait for the new one")
  func lost() async throws {
    let clock = ManualClock()
    let failure = try await Self.run(clock: clock) { client, transport, pair in
      async let running = client.call(Self.call(1, waits: true))
      let first = try await Self.accept(pair)
      _ = try await first.readNewStream()
      let before = try await transport.states.firstElement { $0.isReady }
      #expect(before.replacedTunnel == nil)

      try await first.end(Status(code: .internalError, message: "broken"))
      #expect(try await running.error?.code == .unavailable)
      _ = try await transport.states.firstElement { $0.isBackingOff }
      let late = try await client.call(Self.call(2))
      #expect(late.error?.code == .unavailable)
      #expect(late.error?.message == "The tunnel was lost: broken")

      async let waiting = client.call(Self.call(3, waits: true))
      try await Self.passBackoff(transport, clock)
      let second = try await Self.accept(pair)
      let (id, _) = try await second.readNewStream()
      try await second.answer(id, [3])
      #expect(try await waiting.messages == [[3]])
      // Who watches learns that another server may be there.
      let after = try await transport.states.firstElement { $0.isReady }
      #expect(after.replacedTunnel == before.tunnel?.id)
      #expect(after.tunnel?.id != before.tunnel?.id)

      client.beginGracefulShutdown()
      try await Self.end(second)
    }
    #expect(failure == nil)
  }

  @Test("RPCs that came before the first tunnel fail when it is not opened, unless they wait")
  func notOpened() async throws {
    let clock = ManualClock()
    let failure = try await Self.run(clock: clock) { client, transport, pair in
      async let early = client.call(Self.call(1))
      async let patient = client.call(Self.call(2, waits: true))
      let (first, _) = try await RawTunnelServer.accept(over: pair, headers: nil)
      try await first.end(Status(code: .unavailable, message: "not now"))
      let error = try await early.error
      #expect(error?.code == .unavailable)
      #expect(error?.message == "The tunnel was lost: not now")

      try await Self.passBackoff(transport, clock)
      let second = try await Self.accept(pair)
      let (id, _) = try await second.readNewStream()
      try await second.answer(id, [2])
      #expect(try await patient.messages == [[2]])
      client.beginGracefulShutdown()
      try await Self.end(second)
    }
    #expect(failure == nil)
  }

  @Test("is replaced at once when its server drains it, and no RPC fails")
  func peerDrains() async throws {
    let clock = ManualClock()
    let failure = try await Self.run(clock: clock) { client, _, pair in
      async let running = client.call(Self.call(1))
      let first = try await Self.accept(pair, extensions: .drain)
      let (old, _) = try await first.readNewStream()
      try await first.send(
        ServerFrame(streamID: .tunnel, payload: .drain(Drain(lastStreamID: old)))
      )
      let second = try await Self.accept(pair)

      async let next = client.call(Self.call(2))
      let (new, _) = try await second.readNewStream()
      try await second.answer(new, [2])
      #expect(try await next.messages == [[2]])

      try await first.answer(old, [1])
      #expect(try await running.messages == [[1]])
      try await first.end()
      client.beginGracefulShutdown()
      try await Self.end(second)
    }
    #expect(failure == nil)
  }

  @Test("is not replaced after a code that is final: RPCs that wait fail with it")
  func final() async throws {
    let clock = ManualClock()
    let failure = try await Self.run(clock: clock) { client, _, pair in
      async let patient = client.call(Self.call(1, waits: true))
      let (first, _) = try await RawTunnelServer.accept(over: pair, headers: nil)
      try await first.end(Status(code: .unimplemented, message: "no such thing"))
      let error = try await patient.error
      #expect(error?.code == .unavailable)
      #expect(error?.message == "The tunnel was lost: no such thing")
    }
    #expect((failure?.cause as? RPCError)?.code == .unimplemented)
  }

  @Test("is not dialled any more once the client shuts down, and RPCs that wait fail")
  func shutdownWhileBackingOff() async throws {
    let clock = ManualClock()
    let failure = try await Self.run(clock: clock) { client, transport, pair in
      async let patient = client.call(Self.call(1, waits: true))
      let (first, _) = try await RawTunnelServer.accept(over: pair, headers: nil)
      try await first.end(Status(code: .unavailable, message: "not now"))
      _ = try await transport.states.firstElement { $0.isBackingOff }
      client.beginGracefulShutdown()
      #expect(try await patient.error?.code == .failedPrecondition)
    }
    #expect(failure == nil)
  }

  @Test("the end of a Go peer that shuts down is no fault (PROTOCOL.md 8)")
  func goPeerShutsDown() async throws {
    let clock = ManualClock()
    let failure = try await Self.run(clock: clock) { _, transport, pair in
      let first = try await Self.accept(pair)
      _ = try await transport.states.firstElement { $0.isReady }
      let message = "received frame for stream ID 3: stream never created"
      try await first.end(Status(code: .unknown, message: message))
      let state = try await transport.states.firstElement { $0.isBackingOff }
      guard case .backingOff(let error, _) = state else { return }
      #expect(error.code == .closedByPeer)
      #expect((error.cause as? RPCError)?.code == .unknown)
    }
    #expect(failure == nil)
  }
}
