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

/// A server transport that offers its services to the server that it dials: it opens a reverse
/// tunnel, and serves the RPCs that come back through it.
///
/// A tunnel that is lost, refused or ended by the peer is opened again after a while; only a server
/// that knows no reverse tunnels (`unimplemented`) ends the transport.
public final class ReverseTunnelServerTransport: ServerTransport {
  /// The bytes of messages on their way through a tunnel.
  public typealias Bytes = TunnelMessageBytes

  private enum State {
    case idle
    /// Runs; the session is there while a tunnel is open or being opened.
    case listening(ServerSession?)
    case shuttingDown
  }

  private let makeSession: @Sendable () -> ServerSession
  private let dial: @Sendable (ServerSession, @escaping ServerSession.StreamHandler) async -> Void
  private let backoff: TunnelBackoff
  private let observer: TunnelObserver
  private let clock: TunnelClock
  private let state: LockedValue<State>
  private let shutdown: OneShotEvent

  /// Creates a transport that has not dialled.
  ///
  /// - Parameters:
  ///   - client: A client for the server to dial. The caller runs it, and shuts it down after this
  ///     transport. No policy of its service config may match the tunnel's own RPC.
  ///   - metadata: Sent when a tunnel is opened, for the server to know who offers its services.
  ///   - config: Limits and times.
  ///   - backoff: How long to wait before a tunnel is opened again.
  ///   - observability: Where tunnels are reported that come and go.
  public convenience init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    backoff: TunnelBackoff = .defaults,
    observability: TunnelObservability = .none
  ) {
    self.init(
      over: client,
      metadata: metadata,
      config: config,
      backoff: backoff,
      observability: observability,
      clock: .continuous
    )
  }

  package init(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    backoff: TunnelBackoff = .defaults,
    observability: TunnelObservability = .none,
    clock: TunnelClock
  ) {
    var headers = metadata
    CarrierHeaders.offered.write(into: &headers)
    let carrierMetadata = headers
    let observer = TunnelObserver(observability, direction: .reverse, role: .server)
    self.makeSession = {
      ServerSession(
        configuration: TunnelConfiguration(config),
        origin: TunnelOrigin(direction: .reverse, metadata: metadata),
        carrier: nil,
        observer: observer,
        clock: clock
      )
    }
    self.dial = { session, handler in
      await session.runDialled(
        over: client,
        metadata: carrierMetadata,
        handler: handler
      )
    }
    self.backoff = backoff
    self.observer = observer
    self.clock = clock
    self.state = LockedValue(.idle)
    self.shutdown = OneShotEvent()
  }

  /// Opens a tunnel and serves it, again and again. Run it once; `GRPCServer` does.
  ///
  /// Returns after ``beginGracefulShutdown()`` when the RPCs have ended, or the drain timeout has
  /// passed. Cancelling the task closes the tunnel at once.
  ///
  /// - Throws: ``TunnelError`` when the server that was dialled knows no reverse tunnels.
  public func listen(
    streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    try self.start()
    var failures = 0
    while let session = self.nextSession() {
      let start = self.clock.now()
      session.startConnecting()
      await self.dial(session, streamHandler)
      if Task.isCancelled || self.shutdown.hasHappened { return }

      let closure = session.session.inspect { $0.closure }
      let error = closure.flatMap { TunnelError($0) }
      if let cause = closure?.error, closure?.initiator == .remote, cause.code == .unimplemented {
        throw TunnelError(
          code: .carrierFailed,
          message: "The server takes no reverse tunnels: \(cause.message)",
          cause: cause
        )
      }
      if self.clock.now() - start >= self.backoff.resetAfter {
        failures = 0
      }
      let delay = self.backoff.delay(failures: failures, random: .random(in: 0 ..< 1))
      failures += 1
      self.observer.reconnecting(after: error, in: delay, failures: failures)
      await self.sleep(delay)
      if Task.isCancelled { return }
    }
  }

  /// Takes no more RPCs, and none by a new tunnel; the tunnel is closed when the RPCs that are open
  /// have ended, or the drain timeout has passed. May be called at any time, repeatedly.
  public func beginGracefulShutdown() {
    let session: ServerSession? = self.state.withLock { state in
      defer { state = .shuttingDown }
      switch state {
      case .idle, .shuttingDown: return nil
      case .listening(let session): return session
      }
    }
    self.shutdown.fire()
    session?.beginDrain()
  }

  private func start() throws {
    let wasStarted = self.state.withLock { state in
      switch state {
      case .idle:
        state = .listening(nil)
        return false
      case .shuttingDown:
        return false
      case .listening:
        return true
      }
    }
    if wasStarted {
      throw TunnelError(code: .alreadyStarted, message: "A tunnel transport listens once.")
    }
  }

  private func nextSession() -> ServerSession? {
    let session = self.makeSession()
    return self.state.withLock { state in
      switch state {
      case .idle, .shuttingDown:
        return nil
      case .listening:
        state = .listening(session)
        return session
      }
    }
  }

  /// Sleeps, unless the transport is shut down meanwhile.
  private func sleep(_ duration: Duration) async {
    let time = self.clock.now() + duration
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.clock.sleep(time) }
      group.addTask { try? await self.shutdown.wait() }
      await group.next()
      group.cancelAll()
    }
  }
}

extension ServerTransport where Self == ReverseTunnelServerTransport {
  /// A transport that offers its services to the server that `client` reaches.
  ///
  /// - Parameters:
  ///   - client: A client for the server to dial. The caller runs it, and shuts it down after this
  ///     transport.
  ///   - metadata: Sent when a tunnel is opened.
  ///   - config: Limits and times.
  ///   - backoff: How long to wait before a tunnel is opened again.
  ///   - observability: Where tunnels are reported that come and go.
  public static func reverseTunnel(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata = [:],
    config: TunnelConfig = .defaults,
    backoff: TunnelBackoff = .defaults,
    observability: TunnelObservability = .none
  ) -> ReverseTunnelServerTransport {
    ReverseTunnelServerTransport(
      over: client,
      metadata: metadata,
      config: config,
      backoff: backoff,
      observability: observability
    )
  }
}
