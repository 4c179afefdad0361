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
///
/// With a ``TunnelReconnectPolicy`` it is replaced. RPCs in the tunnel that is lost fail all the
/// same, for nobody knows how far they got. Later ones fail at once with `unavailable`, and the error
/// of the last tunnel, until there is a new one; with `waitForReady` in their options they wait for
/// it. A tunnel that the peer drains is replaced at once, and later RPCs wait for the new one.
/// ``states`` tells of every replacement, after which another server may be there.
public final class TunnelClientTransport: ClientTransport {
  /// The bytes of messages on their way through a tunnel.
  public typealias Bytes = TunnelMessageBytes

  private let slot: TunnelSlot<ClientSession>
  private let dial: TunnelSlot<ClientSession>.Dial
  private let reconnects: Bool
  private let clock: TunnelClock
  private let changes: ChangeSignal
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
  ///   - reconnect: When a tunnel that was lost is opened again; nil for never.
  ///   - serviceConfig: Timeouts, retries and hedging of the RPCs in the tunnel.
  ///   - observability: Where the tunnel is reported.
  public convenience init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    reconnect: TunnelReconnectPolicy? = nil,
    serviceConfig: ServiceConfig = ServiceConfig(),
    observability: TunnelObservability = .none
  ) {
    self.init(
      over: client,
      metadata: metadata,
      config: config,
      reconnect: reconnect,
      serviceConfig: serviceConfig,
      observability: observability,
      clock: .continuous
    )
  }

  package init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    reconnect: TunnelReconnectPolicy? = nil,
    serviceConfig: ServiceConfig = ServiceConfig(),
    observability: TunnelObservability = .none,
    clock: TunnelClock
  ) {
    let configuration = TunnelConfiguration(config)
    let observer = TunnelObserver(observability, direction: .forward, role: .client)
    let changes = ChangeSignal()
    self.slot = TunnelSlot(
      policy: reconnect,
      clock: clock,
      observer: observer,
      makeSession: {
        ClientSession(
          configuration: configuration,
          origin: TunnelOrigin(direction: .forward, metadata: metadata),
          observer: observer,
          clock: clock
        )
      },
      onChange: { changes.happen() }
    )
    self.reconnects = reconnect != nil
    self.clock = clock
    self.changes = changes
    var headers = metadata
    CarrierHeaders.offered.write(into: &headers)
    let carrierMetadata = headers
    self.dial = { session, note in
      await session.runDialled(over: client, metadata: carrierMetadata, note: note)
    }
    self.isStarted = LockedValue(false)
    self.serviceConfig = serviceConfig
    self.retryThrottle = serviceConfig.retryThrottling.map { RetryThrottle(policy: $0) }
  }

  /// Opens the tunnel and keeps it until it ends, or opens it again as the policy for that says. Run
  /// it once; `GRPCClient` does.
  ///
  /// Returns after ``beginGracefulShutdown()`` when the RPCs have ended, or the drain timeout has
  /// passed. Cancelling the task closes the tunnel at once, failing its RPCs with `unavailable`.
  ///
  /// - Throws: ``TunnelError`` when the tunnel could not be opened or was lost, and is not opened
  ///   again.
  public func connect() async throws {
    let wasStarted = self.isStarted.withLock { isStarted in
      defer { isStarted = true }
      return isStarted
    }
    if wasStarted {
      throw TunnelError(code: .alreadyStarted, message: "A tunnel transport connects once.")
    }
    await self.slot.run(self.dial)
    self.changes.finish()
    if case .stopped(let error?) = self.slot.connectionState { throw error }
  }

  /// Takes no more RPCs, which fail with `failedPrecondition`; the tunnel is closed when those that
  /// are open have ended, or the drain timeout has passed. May be called at any time, repeatedly.
  public func beginGracefulShutdown() {
    self.slot.beginDrain(isShutdown: true)
  }

  /// Runs an RPC in the tunnel. May be called at any time; waits for the tunnel to open, and for a
  /// place when as many RPCs are open as it takes.
  ///
  /// Of the options the transport itself keeps to these:
  /// - `timeout`: the RPC's deadline, from this call on. It ends a wait too, travels with the request
  ///   as what is left when that starts, and ends the RPC at both ends (PROTOCOL.md 4). A
  ///   `grpc-timeout` in the request's metadata does the same once the RPC has a place, counted from
  ///   this call too; of both, the earlier one counts.
  /// - `waitForReady`: whether the RPC waits, or fails with `unavailable`, while a tunnel that was lost
  ///   cannot be opened again.
  /// - `maxRequestMessageBytes` and `maxResponseMessageBytes`: a larger message fails the RPC with
  ///   `resourceExhausted`. The latter takes the place of the tunnel's own limit.
  ///
  /// `compression` has no effect: messages in a tunnel are not compressed one by one, but what carries
  /// the tunnel may be, by the settings of the client that dials. Each hop has its own.
  ///
  /// - Throws: `RPCError` with `failedPrecondition` after a graceful shutdown, `unavailable` when the
  ///   tunnel was lost, `deadlineExceeded` when the deadline passed while the RPC waited, `cancelled`
  ///   when the task was cancelled while it waited; and what `closure` throws. With a retry or hedging
  ///   policy among the options, `closure` gets a stream that fails with that error instead, for the
  ///   policy to decide.
  public func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    let call = ClientCall(descriptor, options, now: self.clock.now())
    let session: ClientSession
    do {
      session = try await self.reservedSession(for: call, waits: options.waitForReady ?? false)
    } catch let error as RPCError where call.hasExecutionPolicy && !Task.isCancelled {
      let context = ClientContext(descriptor: descriptor, remotePeer: "", localPeer: "")
      return try await closure(FailedStream(error).stream(for: descriptor), context)
    }
    return try await session.withReservedStream(call, closure)
  }

  /// A tunnel in which a place was taken.
  private func reservedSession(for call: ClientCall, waits: Bool) async throws -> ClientSession {
    var used: TunnelSlotStateMachine.Attempt?
    while true {
      let (session, attempt) = try await self.slot.session(
        waits: waits,
        after: used,
        until: call.deadline
      )
      do {
        try await session.reserveStream(until: call.deadline)
        return session
      } catch {
        // A tunnel that went away before anything was sent: what replaces it can take the RPC.
        let isGone = session.inspect { $0.isDrainingOrClosed }
        guard self.reconnects, isGone, !Task.isCancelled else { throw error }
        used = attempt
      }
    }
  }

  /// What has become of the tunnel.
  public var state: TunnelConnectionState {
    self.slot.connectionState
  }

  /// What ``state`` is, at once and whenever it changes, until ``connect()`` returns or throws.
  ///
  /// A `ready` state that replaces a tunnel says that the server behind the tunnel may be another one
  /// from now on. Each use is a subscription of its own, which ends with its task. Who reads slowly
  /// misses what was there for a short time only; a value may come twice.
  public var states: AsyncStream<TunnelConnectionState> {
    self.changes.values { [slot] in slot.connectionState }
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
  ///   - reconnect: When a tunnel that was lost is opened again; nil for never.
  ///   - serviceConfig: Timeouts, retries and hedging of the RPCs in the tunnel.
  ///   - observability: Where the tunnel is reported.
  public static func tunnel(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    reconnect: TunnelReconnectPolicy? = nil,
    serviceConfig: ServiceConfig = ServiceConfig(),
    observability: TunnelObservability = .none
  ) -> TunnelClientTransport {
    TunnelClientTransport(
      over: client,
      metadata: metadata,
      config: config,
      reconnect: reconnect,
      serviceConfig: serviceConfig,
      observability: observability
    )
  }
}
