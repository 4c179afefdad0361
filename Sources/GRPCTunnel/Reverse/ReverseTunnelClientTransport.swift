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

/// A client transport whose RPCs go through the reverse tunnels that a ``ReverseTunnels`` has
/// gathered, in turn.
///
/// Tunnels come and go by themselves: when there is none, RPCs fail at once with `unavailable`, or
/// wait for one when their options say `waitForReady`.
///
/// An RPC that its tunnel has certainly not processed is moved to another one, once for each tunnel:
/// when the peer says so, by extensions of the protocol, or when nothing of the RPC had left yet
/// (PROTOCOL.md 10). What was sent so far is kept for that, up to 65,536 bytes of messages, until
/// something comes back; an RPC that has sent more fails with `unavailable`. No RPC runs twice.
public final class ReverseTunnelClientTransport: ClientTransport {
  /// The bytes of messages on their way through a tunnel.
  public typealias Bytes = TunnelMessageBytes

  private let name: String
  private let clock: TunnelClock
  private let pick: @Sendable (_ tried: Set<TunnelID>) -> ReverseTunnel?
  private let waitUntilReady: (@Sendable () async throws -> Void)?
  private let shutdown: OneShotEvent
  private let openStreams: OpenStreams

  /// Retries are not throttled.
  public let retryThrottle: RetryThrottle? = nil

  /// - Parameters:
  ///   - pick: Chooses a tunnel, none of those that an RPC has tried.
  ///   - waitUntilReady: nil when there is nothing to wait for once no tunnel is there.
  init(
    name: String,
    clock: TunnelClock,
    pick: @escaping @Sendable (_ tried: Set<TunnelID>) -> ReverseTunnel?,
    waitUntilReady: (@Sendable () async throws -> Void)?
  ) {
    self.clock = clock
    self.name = name
    self.pick = pick
    self.waitUntilReady = waitUntilReady
    self.shutdown = OneShotEvent()
    self.openStreams = OpenStreams()
  }

  /// Suspends until ``beginGracefulShutdown()`` was called and the RPCs of this transport have ended,
  /// or the task is cancelled. Nothing needs to be connected, and RPCs may start without it.
  public func connect() async throws {
    try await self.shutdown.wait()
    try await self.openStreams.waitUntilNone()
  }

  /// Takes no more RPCs, which fail with `failedPrecondition`. The tunnels stay.
  public func beginGracefulShutdown() {
    self.shutdown.fire()
    self.openStreams.finish()
  }

  /// Runs an RPC in one of the tunnels; waits for a place when all are full.
  ///
  /// - Throws: `RPCError` with `unavailable` when there is no tunnel, `failedPrecondition` after a
  ///   graceful shutdown, `cancelled` when the task was cancelled while it waited; and what `closure`
  ///   throws.
  public func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    guard self.openStreams.start() else {
      throw Self.isShuttingDown
    }
    defer { self.openStreams.end() }

    let call = ClientCall(descriptor, options, now: self.clock.now())
    let waits = options.waitForReady ?? false
    let tunnel: ReverseTunnel
    do {
      tunnel = try await self.reservedTunnel(for: call, waits: waits)
    } catch let error as RPCError where call.hasExecutionPolicy && !Task.isCancelled {
      return try await closure(
        FailedStream(error).stream(for: descriptor),
        ClientContext(descriptor: descriptor, remotePeer: "", localPeer: "")
      )
    }
    let context = tunnel.session.clientContext(for: descriptor)
    let stream = MovableStream(tunnel.attempt(call)) { tried in
      try await self.nextAttempt(for: call, waits: waits, tried: tried)
    }
    defer { stream.release() }
    return try await closure(stream.stream(for: descriptor), context)
  }

  /// A tunnel in which a place was taken.
  private func reservedTunnel(for call: ClientCall, waits: Bool) async throws -> ReverseTunnel {
    while true {
      let tunnel = try await self.tunnel(for: call, waits: waits)
      do {
        try await tunnel.session.reserveStream(until: call.deadline)
        return tunnel
      } catch {
        // A tunnel that went away before anything was sent: another one can take the RPC.
        if tunnel.isUsable || Task.isCancelled { throw error }
      }
    }
  }

  /// A place in another tunnel, for an RPC that was not processed; nil when all were tried and the RPC
  /// does not wait for more.
  private func nextAttempt(
    for call: ClientCall,
    waits: Bool,
    tried: Set<TunnelID>
  ) async throws -> MovableStream.Attempt? {
    while let tunnel = self.pick(tried) {
      do {
        try await tunnel.session.reserveStream(until: call.deadline)
        return tunnel.attempt(call)
      } catch {
        if tunnel.isUsable || Task.isCancelled { throw error }
      }
    }
    guard waits else { return nil }
    // They may take it later, or others may come: but not in an endless hurry.
    let time = self.clock.now() + Self.pauseBeforeTryingAgain
    try await self.waiting(until: call.deadline) { try? await self.clock.sleep(time) }
    return try await self.reservedTunnel(for: call, waits: true).attempt(call)
  }

  private func tunnel(for call: ClientCall, waits: Bool) async throws -> ReverseTunnel {
    while true {
      if let tunnel = self.pick([]) { return tunnel }
      guard waits, let waitUntilReady = self.waitUntilReady else {
        throw RPCError(code: .unavailable, message: "There is no tunnel for \(self.name).")
      }
      try await self.waiting(until: call.deadline) { try? await waitUntilReady() }
    }
  }

  /// Waits for something, for as long as the RPC and this transport last.
  private func waiting(
    until deadline: Duration?,
    for something: @escaping @Sendable () async -> Void
  ) async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask(operation: something)
      group.addTask { try? await self.shutdown.wait() }
      if let deadline {
        group.addTask { try? await self.clock.sleep(deadline) }
      }
      await group.next()
      group.cancelAll()
    }
    if Task.isCancelled { throw RPCError.cancelledByTask }
    if self.shutdown.hasHappened { throw Self.isShuttingDown }
    if let deadline, deadline <= self.clock.now() { throw RPCError.deadlineExceededWaiting }
  }

  /// Before tunnels that have refused an RPC are tried once more.
  private static var pauseBeforeTryingAgain: Duration { .milliseconds(100) }

  private static let isShuttingDown = RPCError(
    code: .failedPrecondition,
    message: "The transport is shutting down."
  )

  /// There is no service config: RPCs have the options that they are called with.
  public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    nil
  }
}
