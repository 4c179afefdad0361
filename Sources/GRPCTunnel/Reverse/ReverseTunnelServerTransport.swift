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

/// A server transport that offers its services to servers that it dials: it opens reverse tunnels,
/// and serves the RPCs that come back through them.
///
/// It dials one server, over a client that the caller runs, or any number of them that may come and
/// go, over clients that it runs itself. To each it keeps a number of tunnels up: one that is lost,
/// refused or ended by the peer is opened again as its ``TunnelReconnectPolicy`` says. One that the
/// peer drains is replaced at once, while the RPCs in it go on until they have ended.
///
/// A server of this library knows when a tunnel takes the place of another that it still has, and
/// drops that one (extension `identity`, PROTOCOL.md 10).
public final class ReverseTunnelServerTransport: ServerTransport {
  /// The bytes of messages on their way through a tunnel.
  public typealias Bytes = TunnelMessageBytes

  /// One of the tunnels to one of the endpoints.
  private struct Slot: Sendable {
    var endpoint: TunnelEndpoint
    var number: Int
    var tunnel: TunnelSlot<ServerSession>
  }

  private struct State {
    var isStarted = false
    var endpoints: TunnelEndpointsStateMachine<Int>
    /// In the order in which they came, but for those of endpoints that are gone for good.
    var slots: [Slot] = []
  }

  private let source: TunnelEndpointSource
  private let metadata: Metadata
  private let configuration: TunnelConfiguration
  private let budget: UnreadBudget
  private let policy: TunnelReconnectPolicy
  private let observer: TunnelObserver
  private let clock: TunnelClock
  private let state: LockedValue<State>
  private let changes: ChangeSignal
  /// The slots to run, until there will be no more.
  private let starting: AsyncStream<Slot>
  private let start: AsyncStream<Slot>.Continuation

  // MARK: - Making one

  /// Creates a transport that has not dialled.
  ///
  /// - Parameters:
  ///   - client: A client for the server to dial. The caller runs it, and shuts it down after this
  ///     transport. All tunnels share its connections. No policy of its service config may match the
  ///     tunnel's own RPC.
  ///   - metadata: Sent when a tunnel is opened, for the server to know who offers its services.
  ///   - config: Limits and times.
  ///   - tunnels: How many tunnels are kept up; at least one.
  ///   - reconnect: When a tunnel is opened again.
  ///   - observability: Where tunnels are reported that come and go.
  public convenience init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    tunnels: Int = 1,
    reconnect: TunnelReconnectPolicy = .defaults,
    observability: TunnelObservability = .none
  ) {
    self.init(
      TunnelEndpointSource(over: client),
      metadata: metadata,
      config: config,
      tunnels: tunnels,
      reconnect: reconnect,
      observability: observability,
      clock: .continuous
    )
  }

  /// Creates a transport that has not dialled, for servers that come and go.
  ///
  /// Endpoints that are new in a set are dialled, those that are missing are drained: their RPCs end,
  /// and do not hear of it. An endpoint
  /// that cannot be reached is tried for as long as it is in the set, and is no matter to the others.
  ///
  /// - Parameters:
  ///   - endpoints: The servers to dial, as a set each time that they change. When the sequence ends
  ///     or throws, the last set stays.
  ///   - metadata: Sent when a tunnel is opened, for the server to know who offers its services.
  ///   - config: Limits and times.
  ///   - tunnels: How many tunnels are kept up to each endpoint; at least one.
  ///   - reconnect: When a tunnel is opened again.
  ///   - observability: Where tunnels are reported that come and go.
  ///   - makeClient: Makes a client for an endpoint. Called for each tunnel that is dialled: the
  ///     client is run as long as the tunnel, which so has its own connection, and looks up its own
  ///     address. It has the handshake timeout, after which its task is cancelled. An error is one of
  ///     dialling. No policy of the client's service config may match the tunnel's own RPC.
  public convenience init<Endpoint: Hashable & Sendable, Endpoints: AsyncSequence & Sendable>(
    to endpoints: Endpoints,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    tunnels: Int = 1,
    reconnect: TunnelReconnectPolicy = .defaults,
    observability: TunnelObservability = .none,
    makeClient:
      @escaping @Sendable (
        _ endpoint: Endpoint
      ) async throws -> GRPCClient<some ClientTransport>
  ) where Endpoints.Element == Set<Endpoint> {
    self.init(
      TunnelEndpointSource(endpoints, makeClient: makeClient),
      metadata: metadata,
      config: config,
      tunnels: tunnels,
      reconnect: reconnect,
      observability: observability,
      clock: .continuous
    )
  }

  init(
    _ source: TunnelEndpointSource,
    metadata: Metadata,
    config: TunnelConfig,
    tunnels: Int,
    reconnect: TunnelReconnectPolicy,
    observability: TunnelObservability,
    clock: TunnelClock
  ) {
    self.source = source
    self.metadata = metadata
    self.configuration = TunnelConfiguration(config)
    self.budget = UnreadBudget(limit: config.limits.maximumUnreadBytes)
    self.policy = reconnect
    self.observer = TunnelObserver(observability, direction: .reverse, role: .server)
    self.clock = clock
    self.state = LockedValue(State(endpoints: TunnelEndpointsStateMachine(slotCount: tunnels)))
    self.changes = ChangeSignal()
    (self.starting, self.start) = AsyncStream.makeStream(of: Slot.self)
  }

  // MARK: - Running

  /// Opens tunnels and serves them, again and again. Run it once; `GRPCServer` does.
  ///
  /// Returns after ``beginGracefulShutdown()`` when the RPCs have ended, or the drain timeout has
  /// passed; and when there are no endpoints and there will be none. Cancelling the task closes the
  /// tunnels at once.
  ///
  /// - Throws: ``TunnelError`` when no tunnel is open and none will be, since all ended with a code
  ///   that is final, or since a policy of a client's service config applies to the tunnel's own RPC
  ///   (`carrierPolicy`); what the sequence of endpoints threw when there are none.
  public func listen(
    streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    let wasStarted = self.state.withLock { state in
      defer { state.isStarted = true }
      return state.isStarted
    }
    if wasStarted {
      throw TunnelError(code: .alreadyStarted, message: "A tunnel transport listens once.")
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.followEndpoints() }
      await self.runSlots(streamHandler)
      group.cancelAll()
    }
    self.changes.finish()
    if Task.isCancelled { return }
    if case .failed(let error) = self.state.withLock({ $0.endpoints.outcome }) { throw error }
  }

  /// Takes no more RPCs, and opens no more tunnels; those that are open are closed when the RPCs in
  /// them have ended, or the drain timeout has passed. The cancellation handles of these RPCs fire, as
  /// they do when any server shuts down. May be called at any time, repeatedly.
  public func beginGracefulShutdown() {
    let slots = self.state.withLock { state in
      state.endpoints.beginDrain()
      return state.slots
    }
    for slot in slots {
      slot.tunnel.beginDrain(isShutdown: true)
    }
    self.start.finish()
  }

  private func followEndpoints() async {
    do {
      try await self.source.follow { self.update(to: $0) }
      self.finishIfOver { $0.endpoints.sourceEnded(nil) }
    } catch {
      self.finishIfOver { $0.endpoints.sourceEnded(error) }
    }
  }

  private func update(to endpoints: [TunnelEndpoint]) {
    let ids = Set(endpoints.map(\.id))
    let (added, removed) = self.state.withLock { state in
      let change = state.endpoints.update(to: ids)
      let added = endpoints.filter { change.added.contains($0.id) }.flatMap { endpoint in
        (0 ..< state.endpoints.slotCount).map { self.makeSlot($0, of: endpoint) }
      }
      state.slots.append(contentsOf: added)
      return (added, state.slots.filter { change.removed.contains($0.endpoint.id) })
    }
    for slot in removed {
      slot.tunnel.beginDrain(isShutdown: false)
    }
    for slot in added {
      self.start.yield(slot)
    }
    self.changes.happen()
  }

  private func makeSlot(_ number: Int, of endpoint: TunnelEndpoint) -> Slot {
    let metadata = self.metadata
    let configuration = self.configuration
    let budget = self.budget
    let observer = self.observer
    let clock = self.clock
    let changes = self.changes
    let tunnel = TunnelSlot(
      policy: self.policy,
      clock: clock,
      observer: observer,
      makeSession: {
        ServerSession(
          configuration: configuration,
          origin: TunnelOrigin(
            direction: .reverse,
            metadata: metadata,
            remotePeer: endpoint.name
          ),
          carrier: nil,
          observer: observer,
          clock: clock,
          budget: budget
        )
      },
      onChange: { changes.happen() }
    )
    return Slot(endpoint: endpoint, number: number, tunnel: tunnel)
  }

  private func runSlots(_ handler: @escaping ServerSession.StreamHandler) async {
    await withDiscardingTaskGroup { group in
      for await slot in self.starting {
        group.addTask { await self.run(slot, handler) }
      }
    }
  }

  private func run(_ slot: Slot, _ handler: @escaping ServerSession.StreamHandler) async {
    var metadata = self.metadata
    CarrierHeaders.offered.write(into: &metadata)
    TunnelIdentity(instance: slot.endpoint.instance, slot: slot.number).write(into: &metadata)
    let headers = metadata
    await slot.tunnel.run { session, note in
      await slot.endpoint.dial(session, headers, handler, note)
    }
    self.stopped(slot)
  }

  private func stopped(_ slot: Slot) {
    var error: TunnelError?
    if case .stopped(let reason) = slot.tunnel.connectionState { error = reason }
    let reason = error
    self.finishIfOver { state in
      state.endpoints.slotStopped(of: slot.endpoint.id, reason)
      if !state.endpoints.isWanted(slot.endpoint.id) {
        state.slots.removeAll { $0.tunnel === slot.tunnel }
      }
    }
    self.changes.happen()
  }

  private func finishIfOver(_ body: (inout State) -> Void) {
    let isOver = self.state.withLock { state in
      body(&state)
      return state.endpoints.outcome != nil
    }
    if isOver { self.start.finish() }
  }

  // MARK: - Looking

  /// The tunnels that are kept up, and what has become of each. Those of endpoints that are no longer
  /// in the set are there until they have ended.
  public var tunnels: [TunnelSlotState] {
    self.state.withLock { $0.slots }.map { slot in
      TunnelSlotState(
        endpoint: slot.endpoint.name,
        slot: slot.number,
        state: slot.tunnel.connectionState,
        statistics: slot.tunnel.statistics
      )
    }
  }

  /// What ``tunnels`` is, at once and whenever it changes, until ``listen(streamHandler:)`` returns.
  ///
  /// Each use is a subscription of its own, which ends with its task. Who reads slowly misses what
  /// was there for a short time only; a value may come twice.
  public var tunnelUpdates: AsyncStream<[TunnelSlotState]> {
    self.changes.values { self.tunnels }
  }
}

extension ReverseTunnelServerTransport {
  package convenience init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    tunnels: Int = 1,
    reconnect: TunnelReconnectPolicy = .defaults,
    observability: TunnelObservability = .none,
    clock: TunnelClock
  ) {
    self.init(
      TunnelEndpointSource(over: client),
      metadata: metadata,
      config: config,
      tunnels: tunnels,
      reconnect: reconnect,
      observability: observability,
      clock: clock
    )
  }
}

extension ServerTransport where Self == ReverseTunnelServerTransport {
  /// A transport that offers its services to the server that `client` reaches.
  ///
  /// - Parameters:
  ///   - client: A client for the server to dial. The caller runs it, and shuts it down after this
  ///     transport. All tunnels share its connections.
  ///   - metadata: Sent when a tunnel is opened.
  ///   - config: Limits and times.
  ///   - tunnels: How many tunnels are kept up; at least one.
  ///   - reconnect: When a tunnel is opened again.
  ///   - observability: Where tunnels are reported that come and go.
  public static func reverseTunnel(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    tunnels: Int = 1,
    reconnect: TunnelReconnectPolicy = .defaults,
    observability: TunnelObservability = .none
  ) -> ReverseTunnelServerTransport {
    ReverseTunnelServerTransport(
      over: client,
      metadata: metadata,
      config: config,
      tunnels: tunnels,
      reconnect: reconnect,
      observability: observability
    )
  }
}
