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

/// The reverse tunnels that clients have opened to a server, gathered by key.
///
/// Give it to a ``TunnelService``, and call the clients through the transports that it makes. All
/// functions may be called at any time, from any task.
public final class ReverseTunnels<Key: Hashable & Sendable>: Sendable {
  private let key: @Sendable (TunnelRequest) async throws -> Key
  private let config: TunnelConfig
  private let observer: TunnelObserver
  private let clock: TunnelClock
  private let registry: ReverseTunnelRegistry<Key>
  private let replacements: TunnelReplacements<Key>
  private let budget: UnreadBudget

  /// Creates an empty registry.
  ///
  /// - Parameters:
  ///   - config: Limits and times of the tunnels.
  ///   - observability: Where the tunnels are reported, and those that `key` refuses.
  ///   - key: Tells under which key a tunnel is registered, from what is known of the client that
  ///     opens it. It may throw an `RPCError`, with which the tunnel is refused.
  public convenience init(
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none,
    key: @escaping @Sendable (_ request: TunnelRequest) async throws -> Key
  ) {
    self.init(config: config, observability: observability, clock: .continuous, key: key)
  }

  package init(
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none,
    clock: TunnelClock,
    key: @escaping @Sendable (_ request: TunnelRequest) async throws -> Key
  ) {
    self.key = key
    self.config = config
    self.observer = TunnelObserver(observability, direction: .reverse, role: .client)
    self.clock = clock
    self.registry = ReverseTunnelRegistry()
    self.replacements = TunnelReplacements()
    self.budget = UnreadBudget(limit: config.limits.maximumUnreadBytes)
  }

  // MARK: - Transports

  /// A transport that spreads RPCs evenly over all tunnels.
  public var transport: ReverseTunnelClientTransport {
    self.registry.transport(for: .all, clock: self.clock)
  }

  /// A transport that spreads RPCs evenly over the tunnels of a key.
  public func transport(forKey key: Key) -> ReverseTunnelClientTransport {
    self.registry.transport(for: .key(key), clock: self.clock)
  }

  /// A transport whose RPCs go through one tunnel, and fail with `unavailable` once it is gone.
  public func transport(forTunnel id: TunnelID) -> ReverseTunnelClientTransport {
    self.registry.transport(for: .tunnel(id), clock: self.clock)
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

  /// The tunnels that are open, in the order of their opening.
  public var tunnels: [(tunnel: TunnelInformation, key: Key)] {
    self.registry.tunnels
  }

  /// What happens from now on. Each use is a subscription of its own, which ends with its task; the
  /// oldest events are dropped when more than 1,024 wait to be read.
  public var events: AsyncStream<ReverseTunnelEvent<Key>> {
    self.registry.events
  }

  // MARK: - Accepting

  func accept(_ request: TunnelRequest) async throws -> AcceptedReverseTunnel {
    let key: Key
    do {
      key = try await self.key(request)
    } catch {
      self.observer.refused(request, error)
      throw error
    }
    let session = ClientSession(
      configuration: TunnelConfiguration(self.config),
      origin: request.origin(direction: .reverse),
      observer: self.observer,
      key: "\(key)",
      clock: self.clock,
      budget: self.budget
    )
    let tunnel = ReverseTunnel(session: session)
    let peer = CarrierHeaders(request.metadata)
    let entry = TunnelReplacements.Entry(session, key: key, request.metadata)
    return AcceptedReverseTunnel {
      session.beginDrain()
    } run: { inbound, outbound in
      session.startConnecting()
      session.carrierOpened(peer: peer)
      self.registry.add(tunnel, key: key)
      defer { self.registry.remove(tunnel, key: key) }
      self.registry.changed(tunnel, key: key)
      try await session.runAccepted(
        inbound: inbound,
        outbound: outbound,
        onExpiry: { _ in },
        note: { lifetime in
          guard let entry else { return }
          if lifetime.information != nil { self.replacements.opened(entry) }
          if lifetime.end != nil { self.replacements.closed(entry) }
        },
        read: { inbound in
          await session.readFrames(from: inbound) { frame in
            if session.receive(frame) {
              self.registry.changed(tunnel, key: key)
            }
          }
        }
      )
    }
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
  public convenience init(
    keyHeader: String,
    config: TunnelConfig = .defaults,
    observability: TunnelObservability = .none
  ) {
    self.init(config: config, observability: observability) { request in
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
