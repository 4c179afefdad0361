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

/// The service that lets clients open tunnels to a `GRPCServer` on which it is registered.
///
/// Through forward tunnels it offers services of its own, which may or may not also be registered on
/// the outer server. Reverse tunnels go to a ``ReverseTunnels``, through which the clients that
/// opened them are called. A kind of tunnel that is not set up is refused with `unimplemented`.
///
/// Wrap the outer server's transport in a ``SanitizedServerTransport``: some deadlines that a peer can
/// send trap in GRPCCore. Its settings for HTTP/2 limit tunnels too; `GRPCTunnelNIO` has some that suit.
///
/// Each tunnel lives within the RPC that carries it. When the outer server shuts down gracefully,
/// tunnels take no more RPCs, and end when those that are open have ended or the drain timeout has
/// passed. The cancellation handles of RPCs in forward tunnels fire, as those of other RPCs of the
/// server do.
public struct TunnelService: RegistrableRPCService {
  private typealias AcceptReverse =
    @Sendable (
      _ request: TunnelRequest,
      _ cancellation: ServerContext.RPCCancellationHandle
    ) async throws -> AcceptedReverseTunnel

  private let router: RPCRouter<AcceptedTunnelTransport>
  private let acceptReverse: AcceptReverse?
  private let config: TunnelConfig
  private let forwardObserver: TunnelObserver
  private let reverseObserver: TunnelObserver
  private let clock: TunnelClock
  private let budget: UnreadBudget
  /// Of forward tunnels, which have no keys.
  private let quota: TunnelQuota<Never>

  /// A service for forward tunnels only.
  ///
  /// - Parameters:
  ///   - services: What is offered through forward tunnels.
  ///   - interceptors: Run for the RPCs within forward tunnels.
  ///   - config: Limits and times of forward tunnels.
  ///   - observability: Where forward tunnels, and tunnels that are refused, are reported.
  public init(
    services: [any RegistrableRPCService],
    interceptors: [any ServerInterceptor] = [],
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none
  ) {
    self.init(services, interceptors, acceptReverse: nil, config, observability, .continuous)
  }

  /// A service for reverse tunnels, and for forward tunnels too when there are services to offer.
  ///
  /// - Parameters:
  ///   - services: What is offered through forward tunnels; none by default.
  ///   - interceptors: Run for the RPCs within forward tunnels.
  ///   - reverseTunnels: Where reverse tunnels go.
  ///   - config: Limits and times of forward tunnels.
  ///   - observability: Where forward tunnels, and tunnels that are refused, are reported. Reverse
  ///     tunnels report where their ``ReverseTunnels`` says.
  public init(
    services: [any RegistrableRPCService] = [],
    interceptors: [any ServerInterceptor] = [],
    reverseTunnels: ReverseTunnels<some Hashable & Sendable>,
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none
  ) {
    self.init(
      services,
      interceptors,
      acceptReverse: { try await reverseTunnels.accept($0, $1) },
      config,
      observability,
      .continuous
    )
  }

  /// A service for forward tunnels only, on another clock.
  package init(
    services: [any RegistrableRPCService],
    interceptors: [any ServerInterceptor] = [],
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none,
    clock: TunnelClock
  ) {
    self.init(services, interceptors, acceptReverse: nil, config, observability, clock)
  }

  private init(
    _ services: [any RegistrableRPCService],
    _ interceptors: [any ServerInterceptor],
    acceptReverse: AcceptReverse?,
    _ config: TunnelConfig,
    _ observability: TunnelObservability,
    _ clock: TunnelClock
  ) {
    var router = RPCRouter<AcceptedTunnelTransport>()
    for service in services {
      service.registerMethods(with: &router)
    }
    router.registerInterceptors(pipeline: interceptors.map { .apply($0, to: .all) })
    self.router = router
    self.acceptReverse = acceptReverse
    self.config = config
    self.forwardObserver = TunnelObserver(observability, direction: .forward, role: .server)
    // Only for what is refused: a registry reports on its own tunnels.
    self.reverseObserver = TunnelObserver(
      TunnelObservability(logger: observability.logger),
      direction: .reverse,
      role: .client
    )
    self.clock = clock
    self.budget = UnreadBudget(limit: config.limits.maximumUnreadBytes)
    self.quota = TunnelQuota(config.limits)
  }

  /// Registers the methods that open tunnels; `GRPCServer` calls it.
  public func registerMethods<Transport: ServerTransport>(
    with router: inout RPCRouter<Transport>
  ) {
    router.registerHandler(
      forMethod: .openTunnel,
      deserializer: ClientFrameDeserializer(),
      serializer: ServerFrameSerializer()
    ) { request, context in
      try await self.openTunnel(request, context)
    }
    router.registerHandler(
      forMethod: .openReverseTunnel,
      deserializer: ServerFrameDeserializer(),
      serializer: ClientFrameSerializer()
    ) { request, context in
      try await self.openReverseTunnel(request, context)
    }
  }

  private func openTunnel(
    _ request: StreamingServerRequest<ClientFrame>,
    _ context: ServerContext
  ) async throws -> StreamingServerResponse<ServerFrame> {
    let opening = TunnelRequest(metadata: request.metadata, context: context)
    guard self.router.count > 0 else {
      let error = RPCError(
        code: .unimplemented,
        message: "This server offers no services through forward tunnels."
      )
      self.forwardObserver.refused(opening, error)
      throw error
    }
    try Self.checkPolicy(of: opening, .openTunnel, self.forwardObserver)
    let place: TunnelQuota<Never>.Place
    do {
      place = try self.quota.take()
    } catch {
      self.forwardObserver.refused(opening, error)
      throw error
    }
    let session = ServerSession(
      configuration: TunnelConfiguration(self.config),
      origin: opening.origin(direction: .forward),
      carrier: context.transportSpecific,
      observer: self.forwardObserver,
      clock: self.clock,
      budget: self.budget
    )
    session.carrierOpened(peer: CarrierHeaders(request.metadata))
    var headers = Metadata()
    CarrierHeaders.offered.write(into: &headers)
    return StreamingServerResponse(metadata: headers) { writer in
      let transport = AcceptedTunnelTransport(
        session: session,
        inbound: request.messages,
        outbound: writer
      )
      let server = GRPCServer(transport: transport, router: self.router)
      let age = TunnelAge(self.config.limits, random: .random(in: 0 ..< 1), clock: self.clock)
      defer { place.giveBack() }
      try await context.cancellation.draining(at: age, { session.beginDrain(isShutdown: $0) }) {
        do {
          try await server.serve()
        } catch let error as RuntimeError {
          // The server wraps what its transport throws.
          throw error.cause ?? error
        }
      }
      return [:]
    }
  }

  private func openReverseTunnel(
    _ request: StreamingServerRequest<ServerFrame>,
    _ context: ServerContext
  ) async throws -> StreamingServerResponse<ClientFrame> {
    let opening = TunnelRequest(metadata: request.metadata, context: context)
    guard let acceptReverse = self.acceptReverse else {
      let error = RPCError(
        code: .unimplemented,
        message: "This server takes no reverse tunnels."
      )
      self.reverseObserver.refused(opening, error)
      throw error
    }
    try Self.checkPolicy(of: opening, .openReverseTunnel, self.reverseObserver)
    let tunnel = try await acceptReverse(opening, context.cancellation)
    var headers = Metadata()
    CarrierHeaders.offered.write(into: &headers)
    return StreamingServerResponse(metadata: headers) { writer in
      try await context.cancellation.draining(at: tunnel.age, { _ in tunnel.beginDrain() }) {
        try await tunnel.run(request.messages, writer)
      }
      return [:]
    }
  }
}

extension TunnelService {
  /// Refuses a tunnel whose RPC a policy of its client's service config applies to.
  private static func checkPolicy(
    of request: TunnelRequest,
    _ method: MethodDescriptor,
    _ observer: TunnelObserver
  ) throws(RPCError) {
    guard let policy = CarrierPolicy(request: request.metadata, method: method) else { return }
    observer.refused(request, policy.error)
    throw policy.error
  }
}

extension ServerContext.RPCCancellationHandle {
  /// Runs a tunnel; the carrier's cancellation, which also says that its server is shutting down,
  /// lets it drain, and so does its age.
  fileprivate func draining(
    at age: TunnelAge,
    _ beginDrain: @escaping @Sendable (_ isShutdown: Bool) -> Void,
    _ run: () async throws -> Void
  ) async throws {
    try await withRPCCancellationHandler {
      // No handler is called for what happened before.
      if self.isCancelled { beginDrain(true) }
      guard age.isLimited else { return try await run() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          if await age.wait() { beginDrain(false) }
        }
        defer { group.cancelAll() }
        try await run()
      }
    } onCancelRPC: {
      beginDrain(true)
    }
  }
}
