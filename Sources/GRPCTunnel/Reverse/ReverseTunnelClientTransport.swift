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
public final class ReverseTunnelClientTransport: ClientTransport {
  /// The bytes of messages on their way through a tunnel.
  public typealias Bytes = TunnelMessageBytes

  private let name: String
  private let pick: @Sendable () -> ReverseTunnel?
  private let waitUntilReady: (@Sendable () async throws -> Void)?
  private let shutdown: OneShotEvent
  private let openStreams: OpenStreams

  /// Retries are not throttled.
  public let retryThrottle: RetryThrottle? = nil

  /// - Parameter waitUntilReady: nil when there is nothing to wait for once no tunnel is there.
  init(
    name: String,
    pick: @escaping @Sendable () -> ReverseTunnel?,
    waitUntilReady: (@Sendable () async throws -> Void)?
  ) {
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

    let tunnel = try await self.reservedTunnel(waits: options.waitForReady ?? false)
    let context = ClientContext(descriptor, origin: tunnel.session.origin)
    let call = ClientCall(descriptor, options, now: tunnel.session.clock.now())
    return try await tunnel.session.withReservedStream(call) { stream in
      try await closure(stream, context)
    }
  }

  /// A tunnel in which a place was taken.
  private func reservedTunnel(waits: Bool) async throws -> ReverseTunnel {
    while true {
      let tunnel = try await self.tunnel(waits: waits)
      do {
        try await tunnel.session.reserveStream()
        return tunnel
      } catch {
        // A tunnel that went away before anything was sent: another one can take the RPC.
        if tunnel.isUsable || Task.isCancelled { throw error }
      }
    }
  }

  private func tunnel(waits: Bool) async throws -> ReverseTunnel {
    while true {
      if let tunnel = self.pick() { return tunnel }
      guard waits, let waitUntilReady = self.waitUntilReady else {
        throw RPCError(code: .unavailable, message: "There is no tunnel for \(self.name).")
      }
      await withTaskGroup(of: Void.self) { group in
        group.addTask { try? await waitUntilReady() }
        group.addTask { try? await self.shutdown.wait() }
        await group.next()
        group.cancelAll()
      }
      if Task.isCancelled { throw RPCError.cancelledByTask }
      if self.shutdown.hasHappened { throw Self.isShuttingDown }
    }
  }

  private static let isShuttingDown = RPCError(
    code: .failedPrecondition,
    message: "The transport is shutting down."
  )

  /// There is no service config: RPCs have the options that they are called with.
  public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    nil
  }
}
