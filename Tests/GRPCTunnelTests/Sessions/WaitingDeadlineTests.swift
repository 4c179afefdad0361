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

/// PROTOCOL.md 4, deadlines: an RPC that waits for its tunnel uses its time up.
@Suite("Deadlines of RPCs that wait for a place", .timeLimit(.minutes(5)))
struct WaitingDeadlineTests {
  private static func call(timeout: Duration) -> ControlCall {
    ControlCall(.unary, [.echo], options: .defaults { $0.timeout = timeout })
  }

  @Test("the wait for the tunnel to open lowers the deadline on the wire")
  func waitForTunnel() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, clock: clock.clock)
      _ = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(Self.call(timeout: .seconds(60)))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await clock.waitForSleeper(until: .seconds(60))
        clock.advance(by: .seconds(7))
        try await peer.send(.settings(.zero, .one))
        let (id, newStream) = try await peer.readNewStream()
        #expect(newStream.timeout == .seconds(53))
        try await peer.answer(id, [1])
        #expect(try await reply.messages == [[1]])
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
      }
    }
  }

  @Test("the wait for a place lowers the deadline on the wire")
  func waitForPlace() async throws {
    try await Self.withFullTunnel { transport, peer, clock in
      async let reply = transport.directCall(Self.call(timeout: .seconds(25)))
      try await clock.waitForSleeper(until: .seconds(25))
      clock.advance(by: .seconds(20))
      try await peer.answer(1, [])
      let (id, newStream) = try await peer.readNewStream()
      #expect(newStream.timeout == .seconds(5))
      try await peer.answer(id, [1])
      #expect(try await reply.count == 3)
    }
  }

  @Test("a deadline that passes in the wait for a place sends nothing, and keeps no place")
  func expiredForPlace() async throws {
    try await Self.withFullTunnel { transport, peer, clock in
      async let failure = transport.directCallFailure(Self.call(timeout: .seconds(25)))
      try await clock.waitForSleeper(until: .seconds(25))
      async let next = transport.directCall(Self.call(timeout: .seconds(28)))
      try await clock.waitForSleeper(until: .seconds(28))
      clock.advance(by: .seconds(25))
      #expect(await failure?.code == .deadlineExceeded)

      try await peer.answer(1, [])
      let (id, newStream) = try await peer.readNewStream()
      #expect(id == 2)
      #expect(newStream.timeout == .seconds(3))
      try await peer.answer(id, [1])
      #expect(try await next.count == 3)
    }
  }

  /// Opens a tunnel that takes one RPC at once, and which has it. After 30 s it would be probed.
  private static func withFullTunnel(
    _ body: @Sendable (TunnelClientTransport, RawTunnelServer, ManualClock) async throws -> Void
  ) async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(
        over: network,
        config: .defaults { $0.limits.maximumConcurrentStreams = 1 },
        clock: clock.clock
      )
      _ = try await withRunningClient(transport: transport) { client in
        async let first = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        let (id, _) = try await peer.readNewStream()
        #expect(id == 1)
        try await body(transport, peer, clock)
        _ = try await first
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
      }
    }
  }

  @Test("a deadline ends the wait for a tunnel that nobody has begun to open", arguments: [0, 60])
  func notConnected(seconds: Int) async throws {
    let clock = ManualClock()
    let transport = TunnelClientTransport(
      over: GRPCClient(transport: CarrierPair().client),
      clock: clock.clock
    )
    async let failure = transport.directCallFailure(Self.call(timeout: .seconds(seconds)))
    if seconds > 0 {
      try await clock.waitForSleeper(until: .seconds(seconds))
      clock.advance(by: .seconds(seconds))
    }
    #expect(await failure?.code == .deadlineExceeded)
    #expect(await failure?.message.contains("waited for a place in a tunnel") == true)
  }

  /// A policy as a caller may have it.
  enum Policy: CaseIterable {
    case none
    case retry
    case hedge

    var policy: RPCExecutionPolicy? {
      switch self {
      case .none:
        nil
      case .retry:
        .retry([.unavailable])
      case .hedge:
        .hedge([.unavailable])
      }
    }
  }

  @Test(
    "so it does for a client, whatever the kind of the RPC and its policy",
    arguments: RPCKind.allCases,
    Policy.allCases
  )
  func client(kind: RPCKind, policy: Policy) async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCClient(transport: .tunnel(over: network)) { client in
        let reply = try await client.call(
          ControlCall(
            kind,
            [.echo],
            // More than GRPCCore keeps for another attempt.
            messages: Array(repeating: [1], count: 100),
            options: .defaults {
              $0.timeout = .milliseconds(20)
              $0.executionPolicy = policy.policy
            }
          )
        )
        #expect(reply.error?.code == .deadlineExceeded)
        // The server takes the tunnel on now, and is asked for nothing.
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        client.beginGracefulShutdown()
        try await peer.send(.settings(.zero, .one))
        #expect(try await peer.next() == nil)
        try await peer.end()
      }
    }
  }

  @Test("a handler is told what is left when it begins")
  func handlerThatBeginsLate() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = ReverseTunnelServerTransport(over: network, clock: clock.clock)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await transport.listen { stream, _ in
            events.happen("accepted")
            try? await events.wait(for: "begin")
            let parts = try? await stream.inbound.reduce(into: []) { $0.append($1) }
            guard case .metadata(let metadata) = parts?.first else {
              Issue.record("There is no metadata.")
              return
            }
            #expect(metadata.strings("grpc-timeout") == ["40000m"])
            try? await stream.outbound.write(.status(Status(code: .ok, message: ""), [:]))
          }
        }
        let (peer, _) = try await RawTunnelClient.accept(over: pair)
        try await peer.send(.call(1, ControlCall(.unary, []), timeout: "60S"))
        try await peer.send(.halfClose(1))
        try await events.wait(for: "accepted")
        clock.advance(by: .seconds(20))
        events.happen("begin")
        #expect(try await peer.readClose(of: 1).rpcCode == .ok)
        transport.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
        try await group.waitForAll()
      }
    }
  }
}

extension NewStream {
  /// The deadline that travels with the request.
  var timeout: Duration? {
    guard let values = self.requestHeaders?["grpc-timeout"], values.count == 1 else { return nil }
    return RPCTimeout.decode(values[0])
  }
}
