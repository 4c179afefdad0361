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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: service config", .timeLimit(.minutes(5)))
struct ServiceConfigConformanceTests {
  private static func config(
    timeout: Duration? = nil,
    _ policy: RPCExecutionPolicy? = nil,
    throttling: ServiceConfig.RetryThrottling? = nil
  ) -> ServiceConfig {
    ServiceConfig(
      methodConfig: [
        MethodConfig(service: ControlService.name, timeout: timeout, policy: policy)
      ],
      retryThrottling: throttling
    )
  }

  private static let unavailable = RPCError(code: .unavailable, message: "not yet")

  private static func unavailable(pushback: String) -> RPCError {
    RPCError(
      code: .unavailable,
      message: "not yet",
      metadata: ["grpc-retry-pushback-ms": .string(pushback)]
    )
  }

  @Test("the timeout of a method is its RPCs' deadline", arguments: TestTunnel.allWithKinds)
  func timeout(tunnel: TestTunnel, kind: RPCKind) async throws {
    var tunnel = tunnel
    tunnel.serviceConfig = Self.config(timeout: .milliseconds(50))
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.awaitCancellation]))
      #expect(reply.error?.code == .deadlineExceeded)
    }
  }

  @Test("limits of messages count, and a call's own come first", arguments: TestTunnel.all)
  func limits(tunnel: TestTunnel) async throws {
    var tunnel = tunnel
    tunnel.serviceConfig = ServiceConfig(
      methodConfig: [
        MethodConfig(
          names: [MethodConfig.Name(service: ControlService.name, method: "unary")],
          maxRequestMessageBytes: 10,
          maxResponseMessageBytes: 20
        )
      ]
    )
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let eleven = [UInt8](pattern: 11)
      let tooLarge = try await client.call(ControlCall(.unary, [.echo], messages: [eleven]))
      #expect(tooLarge.error?.code == .resourceExhausted)
      let tooLargeBack = try await client.call(ControlCall(.unary, [.send(1, size: 21)]))
      #expect(tooLargeBack.error?.code == .resourceExhausted)
      let allowed = try await client.call(
        ControlCall(
          .unary,
          [.echo],
          messages: [eleven],
          options: .defaults { $0.maxRequestMessageBytes = 11 }
        )
      )
      #expect(allowed.messages == [eleven])
      let other = try await client.call(ControlCall(.bidirectional, [.echo], messages: [eleven]))
      #expect(other.messages == [eleven])
    }
  }

  // MARK: - Retries

  @Test("what failed with a retryable status is tried again", arguments: TestTunnel.allWithKinds)
  func retry(tunnel: TestTunnel, kind: RPCKind) async throws {
    let attempts = FailingAttempts(2, Self.unavailable)
    var tunnel = tunnel
    tunnel.serviceConfig = Self.config(.retry([.unavailable]))
    tunnel.serverInterceptors = [attempts]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo], messages: [[1, 2]]))
      #expect(reply.error == nil)
      #expect(reply.messages == [[1, 2]])
      #expect(reply.metadata.strings("grpc-previous-rpc-attempts") == ["2"])
    }
    #expect(attempts.count(of: kind.controlMethod) == 3)
  }

  @Test("another status is not, nor what has failed often enough", arguments: TestTunnel.all)
  func noRetry(tunnel: TestTunnel) async throws {
    for (error, count) in [
      (RPCError(code: .aborted, message: ""), 1), (Self.unavailable, 3),
      (Self.unavailable(pushback: "1"), 3), (Self.unavailable(pushback: "-1"), 1),
    ] {
      let attempts = FailingAttempts(.max, error)
      var tunnel = tunnel
      tunnel.pair = CarrierPair()
      tunnel.serviceConfig = Self.config(.retry([.unavailable]))
      tunnel.serverInterceptors = [attempts]
      try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
        let reply = try await client.call(ControlCall(.unary, [.echo]))
        #expect(reply.error?.code == error.code)
      }
      #expect(attempts.count(of: RPCKind.unary.controlMethod) == count)
    }
  }

  @Test("too many failures stop retries", arguments: TestTunnel.all)
  func throttling(tunnel: TestTunnel) async throws {
    let attempts = FailingAttempts(.max, Self.unavailable)
    var tunnel = tunnel
    tunnel.serviceConfig = Self.config(
      .retry([.unavailable]),
      throttling: try ServiceConfig.RetryThrottling(maxTokens: 2, tokenRatio: 0.1)
    )
    tunnel.serverInterceptors = [attempts]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(.unary, [.echo]))
      #expect(reply.error?.code == .unavailable)
    }
    #expect(attempts.count(of: RPCKind.unary.controlMethod) == 1)
  }

  @Test("a deadline goes on through the attempts", arguments: TestTunnel.all)
  func deadlineOfAttempts(tunnel: TestTunnel) async throws {
    var tunnel = tunnel
    tunnel.serviceConfig = Self.config(timeout: .milliseconds(50), .retry([.unavailable]))
    tunnel.serverInterceptors = [FailingAttempts(1, Self.unavailable)]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(.unary, [.awaitCancellation]))
      #expect(reply.error?.code == .deadlineExceeded)
    }
  }

  // MARK: - Hedging

  @Test("a hedged RPC takes the first attempt that is answered", arguments: TestTunnel.allWithKinds)
  func hedging(tunnel: TestTunnel, kind: RPCKind) async throws {
    let attempts = FailingAttempts(1, Self.unavailable)
    var tunnel = tunnel
    tunnel.serviceConfig = Self.config(.hedge([.unavailable], delay: .seconds(60)))
    tunnel.serverInterceptors = [attempts]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo], messages: [[1, 2]]))
      #expect(reply.error == nil)
      #expect(reply.messages == [[1, 2]])
      #expect(reply.metadata.strings("grpc-previous-rpc-attempts") == ["1"])
    }
    #expect(attempts.count(of: kind.controlMethod) == 2)
  }

  @Test("attempts that came too late are cancelled", arguments: TestTunnel.all)
  func hedgingCancels(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    let first = FirstAttemptHangs(events: events)
    var tunnel = tunnel
    tunnel.serviceConfig = Self.config(.hedge([.unavailable]))
    tunnel.serverInterceptors = [first]
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[1]]))
      #expect(reply.messages == [[1]])
      try await events.wait(for: "the first was cancelled")
    }
  }
}

/// Lets the first RPC wait for its cancellation.
private final class FirstAttemptHangs: ServerInterceptor {
  private let events: ControlEvents
  private let count = Counter()

  init(events: ControlEvents) {
    self.events = events
  }

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    self.count.increment()
    if self.count.value == 1 {
      try? await context.cancellation.cancelled
      self.events.happen("the first was cancelled")
    }
    return try await next(request, context)
  }
}
