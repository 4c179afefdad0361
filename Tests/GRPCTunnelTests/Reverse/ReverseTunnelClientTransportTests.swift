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
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing

@testable internal import GRPCTunnel

@Suite("The transport of a pool of reverse tunnels", .timeLimit(.minutes(5)))
struct ReverseTunnelClientTransportTests {
  private let method = MethodDescriptor(fullyQualifiedService: "test.Service", method: "Method")

  /// A source whose tunnels come when a test lets them.
  private final class Source: ReverseTunnelSource {
    let isAsked = OneShotEvent()
    let comes = OneShotEvent()
    let ended = Counter()
    let tunnel = ReverseTunnel.open()

    var name: String { "test" }
    var hasSeveralTunnels: Bool { true }

    func placeAtOnce(for wish: ReverseTunnelWish) -> ReverseTunnelPlaceAtOnce {
      wish.waitsForTunnels ? .wait : .noTunnel
    }

    func place(for wish: ReverseTunnelWish) async throws -> ReverseTunnelPlace? {
      self.isAsked.fire()
      try? await self.comes.wait()
      // It has come, whether or not there is still somebody who needs it.
      try await self.tunnel.session.reserveStream()
      return ReverseTunnelPlace(tunnel: self.tunnel) { self.ended.increment() }
    }
  }

  private func transport(
    _ source: Source,
    serviceConfig: ServiceConfig = ServiceConfig(),
    clock: TunnelClock = .continuous
  ) -> ReverseTunnelClientTransport {
    ReverseTunnelClientTransport(source: source, serviceConfig: serviceConfig, clock: clock)
  }

  private static var waiting: CallOptions {
    .defaults { $0.waitForReady = true }
  }

  @Test("an RPC that waits gets the tunnel that comes, and gives its place back")
  func waits() async throws {
    let source = Source()
    async let peer = self.transport(source).withStream(
      descriptor: self.method,
      options: Self.waiting
    ) {
      $1.remotePeer
    }
    try await source.isAsked.wait()
    source.comes.fire()
    #expect(try await peer == "\(source.tunnel.id)")
    #expect(source.ended.value == 1)
    #expect(source.tunnel.session.inspect { $0.isReady })
  }

  @Test("an RPC that waits fails when the transport shuts down, and `connect()` returns")
  func shutdown() async throws {
    let source = Source()
    let transport = self.transport(source)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await transport.connect() }
      group.addTask {
        let error = await #expect(throws: RPCError.self) {
          try await transport.withStream(descriptor: self.method, options: Self.waiting) { _, _ in
          }
        }
        #expect(error?.code == .failedPrecondition)
      }
      try await source.isAsked.wait()
      transport.beginGracefulShutdown()
      try await group.waitForAll()
    }
    let error = await #expect(throws: RPCError.self) {
      try await transport.withStream(descriptor: self.method, options: .defaults) { _, _ in }
    }
    #expect(error?.code == .failedPrecondition)
  }

  @Test("an RPC that waits fails at its deadline")
  func deadline() async throws {
    let source = Source()
    let clock = ManualClock()
    let transport = self.transport(source, clock: clock.clock)
    var options = Self.waiting
    options.timeout = .seconds(9)
    async let failure = transport.directCallFailure(
      ControlCall(.unary, [.echo], options: options)
    )
    try await clock.waitForSleeper(until: .seconds(9))
    clock.advance(by: .seconds(9))
    // A tunnel that comes too late is not kept.
    try await source.isAsked.wait()
    source.comes.fire()
    #expect(await failure?.code == .deadlineExceeded)
    #expect(source.tunnel.session.inspect { $0.isReady })
  }

  @Test("an RPC that waits fails with its task")
  func cancelled() async throws {
    let source = Source()
    let transport = self.transport(source)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        let error = await #expect(throws: RPCError.self) {
          try await transport.withStream(descriptor: self.method, options: Self.waiting) { _, _ in
          }
        }
        #expect(error?.code == .cancelled)
      }
      group.cancelAll()
    }
  }

  @Test("a policy is asked when there is no tunnel")
  func policy() async throws {
    var options = CallOptions.defaults
    options.executionPolicy = .retry(.test)
    let isRun = Counter()
    let error = await #expect(throws: RPCError.self) {
      try await self.transport(Source()).withStream(descriptor: self.method, options: options) {
        stream,
        _ in
        isRun.increment()
        for try await _ in stream.inbound {}
      }
    }
    #expect(error?.code == .unavailable)
    #expect(isRun.value == 1)
  }

  @Test("the service config holds for its RPCs")
  func serviceConfig() {
    let transport = self.transport(
      Source(),
      serviceConfig: ServiceConfig(
        methodConfig: [
          MethodConfig(
            names: [MethodConfig.Name(service: "test.Service")],
            timeout: .seconds(5),
            executionPolicy: .retry(.test)
          )
        ],
        retryThrottling: try? ServiceConfig.RetryThrottling(maxTokens: 7, tokenRatio: 0.5)
      )
    )
    #expect(transport.config(forMethod: self.method)?.timeout == .seconds(5))
    #expect(
      transport.config(
        forMethod: MethodDescriptor(fullyQualifiedService: "test.Other", method: "Method")
      ) == nil
    )
    #expect(transport.retryThrottle?.maxTokens == 7)
    #expect(self.transport(Source()).retryThrottle == nil)
  }
}

extension RetryPolicy {
  fileprivate static var test: RetryPolicy {
    RetryPolicy(
      maxAttempts: 2,
      initialBackoff: .milliseconds(1),
      maxBackoff: .milliseconds(1),
      backoffMultiplier: 1,
      retryableStatusCodes: [.unavailable]
    )
  }
}

extension ReverseTunnel {
  /// A tunnel at revision zero, without a carrier.
  static func open() -> ReverseTunnel {
    let tunnel = ReverseTunnel.notOpen()
    tunnel.open()
    return tunnel
  }

  /// The same before it is opened.
  static func notOpen(maximumConcurrentStreams: Int = 1000) -> ReverseTunnel {
    var configuration = TunnelConfiguration()
    configuration.maximumConcurrentStreams = maximumConcurrentStreams
    return ReverseTunnel(
      session: ClientSession(
        configuration: configuration,
        offered: .silent,
        origin: TunnelOrigin(direction: .reverse),
        observer: TunnelObserver(.none, direction: .reverse, role: .client),
        clock: .continuous
      )
    )
  }

  func open() {
    self.session.startConnecting()
    self.session.carrierOpened(peer: .silent)
  }
}

extension CarrierHeaders {
  /// Those of a peer that does not negotiate.
  fileprivate static var silent: CarrierHeaders {
    CarrierHeaders(negotiates: false, extensions: [])
  }
}
