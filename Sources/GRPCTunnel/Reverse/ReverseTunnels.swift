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

/// The reverse tunnels that clients have opened to a server, gathered by key.
///
/// Give it to a ``TunnelService``, and call the clients through the transports that it makes. All
/// functions may be called at any time, from any task.
///
/// A server that takes no reverse tunnels at all has a ``TunnelService`` without this, which refuses
/// them with `unimplemented`. One that takes none for a while sets ``refusal``.
public final class ReverseTunnels<Key: Hashable & Sendable>: Sendable {
  /// What is called when tunnels come and go.
  typealias Hooks = ReverseTunnelHooks<Key>

  let key: @Sendable (TunnelRequest) async throws -> Key
  let hooks: Hooks
  let config: TunnelConfig
  let observer: TunnelObserver
  let clock: TunnelClock
  let registry: ReverseTunnelRegistry<Key>
  let replacements: TunnelReplacements<Key>
  let budget: UnreadBudget
  private let refusalError: LockedValue<RPCError?>
  let quota: TunnelQuota<Key>

  /// Creates an empty registry.
  ///
  /// - Parameters:
  ///   - config: Limits and times of the tunnels.
  ///   - observability: Where the tunnels are reported, and those that `key` refuses.
  ///   - onOpen: Called when a tunnel has been opened, and before RPCs go through it by way of
  ///     ``transport`` or ``transport(forKey:picker:serviceConfig:)``; those of
  ///     ``transport(forTunnel:serviceConfig:)`` do already. If it throws, the tunnel is closed with
  ///     its error, or with `unknown` when that is no `RPCError`. Its task is cancelled when the tunnel
  ///     ends meanwhile.
  ///   - onClose: Called once for each tunnel for which `onOpen` was called, after that has returned
  ///     and when the tunnel has ended; its task may be cancelled. The tunnel's RPC on the outer server
  ///     stays open until it returns.
  ///   - key: Tells under which key a tunnel is registered, from what is known of the client that
  ///     opens it. It may throw an `RPCError`, with which the tunnel is refused; another error is
  ///     `unknown` to the client. It has the handshake timeout, from which it takes what the
  ///     rest of the opening has: after that, and when the client gives up or the server shuts down, its
  ///     task is cancelled, which it must heed, and the tunnel refused with `unavailable` once it has
  ///     returned.
  public convenience init(
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none,
    onOpen: (@Sendable (_ tunnel: TunnelInformation, _ key: Key) async throws -> Void)? = nil,
    onClose:
      (
        @Sendable (_ tunnel: TunnelInformation, _ key: Key, _ closure: TunnelClosure) async -> Void
      )? =
      nil,
    key: @escaping @Sendable (_ request: TunnelRequest) async throws -> Key
  ) {
    self.init(
      config: config,
      observability: observability,
      hooks: Hooks(onOpen: onOpen, onClose: onClose),
      clock: .continuous,
      key: key
    )
  }

  package convenience init(
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none,
    clock: TunnelClock,
    key: @escaping @Sendable (_ request: TunnelRequest) async throws -> Key
  ) {
    self.init(
      config: config,
      observability: observability,
      hooks: Hooks(),
      clock: clock,
      key: key
    )
  }

  private init(
    config: TunnelConfig,
    observability: TunnelObservability,
    hooks: Hooks,
    clock: TunnelClock,
    key: @escaping @Sendable (_ request: TunnelRequest) async throws -> Key
  ) {
    self.key = key
    self.hooks = hooks
    self.config = config
    self.observer = TunnelObserver(observability, direction: .reverse, role: .client)
    self.clock = clock
    self.registry = ReverseTunnelRegistry(clock: clock)
    self.replacements = TunnelReplacements()
    self.budget = UnreadBudget(limit: config.limits.maximumUnreadBytes)
    self.refusalError = LockedValue(nil)
    self.quota = TunnelQuota(config.limits)
  }

  // MARK: - Transports

  /// A transport for all tunnels, which take turns.
  public var transport: ReverseTunnelClientTransport {
    self.transport()
  }

  /// A transport for all tunnels.
  ///
  /// - Parameters:
  ///   - picker: Chooses among the tunnels.
  ///   - serviceConfig: Timeouts, retries and hedging of the transport's RPCs.
  public func transport(
    picker: ReverseTunnelPicker = .roundRobin,
    serviceConfig: ServiceConfig = ServiceConfig()
  ) -> ReverseTunnelClientTransport {
    self.transport(for: .all, picker, serviceConfig)
  }

  /// A transport for the tunnels of a key.
  ///
  /// - Parameters:
  ///   - key: The key. There need not be a tunnel now, or ever.
  ///   - picker: Chooses among the tunnels.
  ///   - serviceConfig: Timeouts, retries and hedging of the transport's RPCs.
  public func transport(
    forKey key: Key,
    picker: ReverseTunnelPicker = .roundRobin,
    serviceConfig: ServiceConfig = ServiceConfig()
  ) -> ReverseTunnelClientTransport {
    self.transport(for: .key(key), picker, serviceConfig)
  }

  /// A transport whose RPCs go through one tunnel, and fail with `unavailable` once it is gone.
  ///
  /// - Parameters:
  ///   - id: The tunnel.
  ///   - serviceConfig: Timeouts, retries and hedging of the transport's RPCs.
  public func transport(
    forTunnel id: TunnelID,
    serviceConfig: ServiceConfig = ServiceConfig()
  ) -> ReverseTunnelClientTransport {
    ReverseTunnelClientTransport(
      source: OneTunnelSource(registry: self.registry, id: id),
      serviceConfig: serviceConfig,
      clock: self.clock
    )
  }

  private func transport(
    for selection: TunnelDirectory<Key>.Selection,
    _ picker: ReverseTunnelPicker,
    _ serviceConfig: ServiceConfig
  ) -> ReverseTunnelClientTransport {
    ReverseTunnelClientTransport(
      source: TunnelPoolSource(registry: self.registry, selection: selection, picker: picker),
      serviceConfig: serviceConfig,
      clock: self.clock
    )
  }

  // MARK: - Readiness

  /// Whether a tunnel is open and takes RPCs, if only when one that it carries has ended.
  public var isReady: Bool {
    self.registry.isReady(.all)
  }

  /// Whether a tunnel of a key is open and takes RPCs, if only when one that it carries has ended.
  public func isReady(forKey key: Key) -> Bool {
    self.registry.isReady(.key(key))
  }

  /// Suspends until a tunnel takes RPCs; throws `CancellationError` when the task is cancelled.
  public func waitUntilReady() async throws {
    try await self.registry.waitUntilReady(.all)
  }

  /// Suspends until a tunnel of a key takes RPCs; throws `CancellationError` when the task is
  /// cancelled.
  public func waitUntilReady(forKey key: Key) async throws {
    try await self.registry.waitUntilReady(.key(key))
  }

  // MARK: - Observing

  /// The tunnels that are open, in the order in which they came, as they are now. Takes time for each
  /// of them.
  public var tunnels: [ReverseTunnelSnapshot<Key>] {
    self.registry.snapshots
  }

  /// A tunnel as it is now; nil when it is not open.
  public func tunnel(_ id: TunnelID) -> ReverseTunnelSnapshot<Key>? {
    self.registry.snapshot(of: id)
  }

  /// The number of tunnels that take RPCs, if only when one that they carry has ended.
  public var count: Int {
    self.registry.count(.all)
  }

  /// The same for a key.
  public func count(forKey key: Key) -> Int {
    self.registry.count(.key(key))
  }

  /// The same for each key that has any. Takes time for each of them.
  public var counts: [Key: Int] {
    self.registry.counts
  }

  /// What happens from now on. Each use is a subscription of its own.
  public var events: ReverseTunnelEvents<Key> {
    self.registry.events
  }

  // MARK: - Ending

  /// The error with which tunnels that clients want to open are refused; nil to take them, which is
  /// the default. It does not touch the tunnels that are there.
  ///
  /// `unavailable` lets clients come back later, or go elsewhere; `unimplemented` tells those of this
  /// library to give up.
  public var refusal: RPCError? {
    get { self.refusalError.withLock { $0 } }
    set { self.refusalError.withLock { $0 = newValue } }
  }

  /// Drains a tunnel: it takes no more RPCs, and is closed when those that are open have ended, or
  /// the drain timeout has passed. The client may open another one meanwhile.
  ///
  /// - Returns: Whether there is such a tunnel.
  @discardableResult
  public func drain(_ id: TunnelID) -> Bool {
    guard let tunnel = self.registry.tunnel(id) else { return false }
    tunnel.session.beginDrain()
    return true
  }

  /// Closes a tunnel at once; RPCs that are open in it fail with `unavailable`.
  ///
  /// - Parameters:
  ///   - id: The tunnel.
  ///   - reason: Sent to the client as the status of the tunnel's own RPC; nil for an orderly end.
  /// - Returns: Whether there is such a tunnel.
  @discardableResult
  public func close(_ id: TunnelID, reason: RPCError? = nil) -> Bool {
    guard let tunnel = self.registry.tunnel(id) else { return false }
    tunnel.session.close(.application(reason))
    return true
  }
}

extension ReverseTunnels where Key == String {
  /// Creates an empty registry whose keys are the values of a header; a tunnel that is opened
  /// without it is refused with `invalidArgument`.
  ///
  /// - Parameters:
  ///   - keyHeader: The name of the header.
  ///   - config: Limits and times of the tunnels.
  ///   - observability: Where the tunnels are reported, and those that are refused.
  ///   - onOpen: Called when a tunnel has been opened, and before RPCs go through it; see
  ///     ``init(config:observability:onOpen:onClose:key:)``.
  ///   - onClose: Called when a tunnel has ended.
  public convenience init(
    keyHeader: String,
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none,
    onOpen: (@Sendable (_ tunnel: TunnelInformation, _ key: Key) async throws -> Void)? = nil,
    onClose:
      (
        @Sendable (_ tunnel: TunnelInformation, _ key: Key, _ closure: TunnelClosure) async -> Void
      )? =
      nil
  ) {
    self.init(
      config: config,
      observability: observability,
      onOpen: onOpen,
      onClose: onClose
    ) { request in
      guard let key = request.metadata[stringValues: keyHeader].first(where: { !$0.isEmpty }) else {
        throw RPCError(
          code: .invalidArgument,
          message: "The tunnel was opened without the header '\(keyHeader)', which holds its key."
        )
      }
      return key
    }
  }
}
