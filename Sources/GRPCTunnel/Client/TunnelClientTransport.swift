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

public import GRPCCore
internal import GRPCTunnelProtocol

/// A client transport whose RPCs travel through one forward tunnel, and so all reach the one server
/// at the end of its carrier, whatever load balancer stands between.
///
/// The tunnel is opened by ``connect()``, which `GRPCClient` runs; RPCs that start earlier wait for
/// it. A tunnel that is lost is not replaced, since a new one may end at another server: RPCs in it
/// fail with `unavailable`, and ``connect()`` throws a ``TunnelError`` that says why.
public final class TunnelClientTransport: ClientTransport {
  /// The bytes of messages on their way through a tunnel.
  public typealias Bytes = TunnelMessageBytes

  private let session: ClientSession
  private let dial: @Sendable (ClientSession) async -> Void
  private let isStarted: LockedValue<Bool>
  private let serviceConfig: ServiceConfig

  /// Used for all RPCs that have a retry or hedging policy in the service config.
  public let retryThrottle: RetryThrottle?

  /// Creates a transport that has not connected.
  ///
  /// - Parameters:
  ///   - client: A client for the tunnel's server. The caller runs it, and shuts it down after this
  ///     transport. No policy of its service config may match the tunnel's own RPC.
  ///   - metadata: Sent when the tunnel is opened, for the server to know who opens it.
  ///   - config: Limits and times.
  ///   - serviceConfig: Timeouts, retries and hedging of the RPCs in the tunnel.
  ///   - observability: Where the tunnel is reported.
  public convenience init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    serviceConfig: ServiceConfig = ServiceConfig(),
    observability: TunnelObservability = .none
  ) {
    self.init(
      over: client,
      metadata: metadata,
      config: config,
      serviceConfig: serviceConfig,
      observability: observability,
      clock: .continuous
    )
  }

  package init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    serviceConfig: ServiceConfig = ServiceConfig(),
    observability: TunnelObservability = .none,
    clock: TunnelClock
  ) {
    self.session = ClientSession(
      configuration: TunnelConfiguration(config),
      origin: TunnelOrigin(direction: .forward, metadata: metadata),
      observer: TunnelObserver(observability, direction: .forward, role: .client),
      clock: clock
    )
    var headers = metadata
    CarrierHeaders.offered.write(into: &headers)
    let carrierMetadata = headers
    self.dial = { session in
      await session.runDialled(over: client, metadata: carrierMetadata)
    }
    self.isStarted = LockedValue(false)
    self.serviceConfig = serviceConfig
    self.retryThrottle = serviceConfig.retryThrottling.map { RetryThrottle(policy: $0) }
  }

  /// Opens the tunnel and keeps it until it ends. Run it once; `GRPCClient` does.
  ///
  /// Returns after ``beginGracefulShutdown()`` when the RPCs have ended, or the drain timeout has
  /// passed. Cancelling the task closes the tunnel at once, failing its RPCs with `unavailable`.
  ///
  /// - Throws: ``TunnelError`` when the tunnel could not be opened or was lost.
  public func connect() async throws {
    let wasStarted = self.isStarted.withLock { isStarted in
      defer { isStarted = true }
      return isStarted
    }
    if wasStarted {
      throw TunnelError(code: .alreadyStarted, message: "A tunnel transport connects once.")
    }
    // Nothing waits for a tunnel that was shut down before it was opened.
    if self.session.inspect({ $0.isDrainingOrClosed }) { return }
    self.session.startConnecting()
    await self.dial(self.session)
    if let error = self.session.inspect({ $0.closure }).flatMap({ TunnelError($0) }) {
      throw error
    }
  }

  /// Takes no more RPCs, which fail with `failedPrecondition`; the tunnel is closed when those that
  /// are open have ended, or the drain timeout has passed. May be called at any time, repeatedly.
  public func beginGracefulShutdown() {
    self.session.beginDrain()
  }

  /// Runs an RPC in the tunnel. May be called at any time; waits for the tunnel to open, and for a
  /// place when as many RPCs are open as it takes.
  ///
  /// - Throws: `RPCError` with `failedPrecondition` after a graceful shutdown, `unavailable` when the
  ///   tunnel was lost, `cancelled` when the task was cancelled while it waited; and what `closure`
  ///   throws.
  public func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    let context = ClientContext(descriptor, origin: self.session.origin)
    let call = ClientCall(descriptor, options, now: self.session.clock.now())
    return try await self.session.withStream(call) { stream in
      try await closure(stream, context)
    }
  }

  /// The service config's entry for a method.
  public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    self.serviceConfig.methodConfig(for: descriptor)
  }
}

extension ClientTransport where Self == TunnelClientTransport {
  /// A transport whose RPCs travel through one forward tunnel over `client`.
  ///
  /// - Parameters:
  ///   - client: A client for the tunnel's server. The caller runs it, and shuts it down after this
  ///     transport.
  ///   - metadata: Sent when the tunnel is opened.
  ///   - config: Limits and times.
  ///   - serviceConfig: Timeouts, retries and hedging of the RPCs in the tunnel.
  ///   - observability: Where the tunnel is reported.
  public static func tunnel(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    serviceConfig: ServiceConfig = ServiceConfig(),
    observability: TunnelObservability = .none
  ) -> TunnelClientTransport {
    TunnelClientTransport(
      over: client,
      metadata: metadata,
      config: config,
      serviceConfig: serviceConfig,
      observability: observability
    )
  }
}
