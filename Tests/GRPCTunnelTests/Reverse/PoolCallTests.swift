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

@Suite("What an RPC can expect of a pool without a tunnel", .timeLimit(.minutes(5)))
struct PoolCallTests {
  private static func waiting(
    _ kind: RPCKind,
    timeout: Duration,
    policy: RPCExecutionPolicy? = nil
  ) -> ControlCall {
    ControlCall(
      kind,
      [.echo],
      // More than GRPCCore keeps for another attempt.
      messages: Array(repeating: [1], count: 100),
      options: .defaults {
        $0.timeout = timeout
        $0.waitForReady = true
        $0.executionPolicy = policy
      }
    )
  }

  @Test("without waitForReady it fails at once, whatever its deadline", arguments: RPCKind.allCases)
  func noWait(kind: RPCKind) async throws {
    let agents = ReverseTunnels(clock: ManualClock().clock) { _ in "agent" }
    let failure = await agents.transport.directCallFailure(
      ControlCall(kind, [.echo], options: .defaults { $0.timeout = .seconds(60) })
    )
    #expect(failure?.code == .unavailable)
  }

  @Test("its deadline ends the wait for a tunnel, on the clock of the pool")
  func deadline() async throws {
    let clock = ManualClock()
    let agents = ReverseTunnels(clock: clock.clock) { _ in "agent" }
    async let failure = agents.transport.directCallFailure(
      Self.waiting(.unary, timeout: .seconds(60))
    )
    try await clock.waitForSleeper(until: .seconds(60))
    clock.advance(by: .seconds(60))
    #expect(await failure?.code == .deadlineExceeded)
    #expect(await failure?.message.contains("waited") == true)
  }

  @Test(
    "so it does for a client, whatever the kind of the RPC and its policy",
    arguments: RPCKind.allCases,
    WaitingDeadlineTests.Policy.allCases
  )
  func client(kind: RPCKind, policy: WaitingDeadlineTests.Policy) async throws {
    let agents = ReverseTunnels { _ in "agent" }
    try await withGRPCClient(transport: agents.transport) { client in
      let reply = try await client.call(
        Self.waiting(kind, timeout: .milliseconds(20), policy: policy.policy)
      )
      #expect(reply.error?.code == .deadlineExceeded)
    }
  }

  @Test("the wait for a tunnel lowers the deadline on the wire")
  func loweredDeadline() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let agents = ReverseTunnels(clock: clock.clock) { _ in "agent" }
    let tunnels = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
      async let parts = agents.transport.directCall(Self.waiting(.unary, timeout: .seconds(60)))
      try await clock.waitForSleeper(until: .seconds(60))
      clock.advance(by: .seconds(20))
      let peer = try await RawTunnelServer.dial(over: pair)
      _ = try await peer.receiveHeaders()
      try await peer.send(.settings(.zero, .one))
      let (id, newStream) = try await peer.readNewStream()
      #expect(newStream.timeout == .seconds(40))
      try await peer.answer(id, [1])
      #expect(try await parts.count == 3)
      peer.halfClose()
      #expect(try await peer.readStatus()?.code == .ok)
    }
  }

  @Test("a retry policy bridges the time without a tunnel", arguments: RPCKind.allCases)
  func retry(kind: RPCKind) async throws {
    let network = AgentNetwork()
    try await network.serve {
      let events = ControlEvents()
      let transport = ConfiguredClientTransport(
        base: network.agents.transport,
        serviceConfig: ServiceConfig(
          methodConfig: [MethodConfig(policy: .retry([.unavailable]))]
        )
      )
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await events.wait(for: "an attempt")
          try await network.withAgent(key: "shop", name: "agent") {
            events.happen("a tunnel")
            try await events.wait(for: "done")
          }
        }
        try await withGRPCClient(
          transport: transport,
          interceptors: [AttemptInterceptor(events: events)]
        ) { client in
          let reply = try await client.call(ControlCall(kind, [.echo], messages: [[1]]))
          #expect(reply.messages == [[1]])
          #expect(reply.metadata.strings("grpc-previous-rpc-attempts") == ["1"])
        }
        events.happen("done")
        try await group.waitForAll()
      }
    }
  }
}

/// Says that there is an attempt, and lets it go on, to fail, once there is a tunnel for the next one.
private struct AttemptInterceptor: ClientInterceptor {
  let events: ControlEvents

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>,
    context: ClientContext,
    next: (
      _ request: StreamingClientRequest<Input>,
      _ context: ClientContext
    ) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    self.events.happen("an attempt")
    try await self.events.wait(for: "a tunnel")
    return try await next(request, context)
  }
}
