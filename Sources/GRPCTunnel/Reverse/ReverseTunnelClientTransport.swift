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
/// gathered.
///
/// Tunnels come and go by themselves. When there is none, RPCs fail at once with `unavailable`, or,
/// when their options say `waitForReady`, wait for one until their deadline. When all are full they
/// wait for a place in any of them, in the order in which they came.
///
/// An RPC that a tunnel has not processed is moved to another one, without its caller noticing, if the
/// tunnel's server says so (PROTOCOL.md 10) or nothing of the RPC had been sent when the tunnel was
/// lost. For that up to 65,536 bytes of its messages are kept until something arrives for it. It is
/// tried in each tunnel once; when none is left it fails with `unavailable`, or, if its options say
/// `waitForReady`, waits for another one and tries them all again. An RPC that may have been processed
/// is never moved.
public final class ReverseTunnelClientTransport: ClientTransport {
  /// The bytes of messages on their way through a tunnel.
  public typealias Bytes = TunnelMessageBytes

  private let source: any ReverseTunnelSource
  private let serviceConfig: ServiceConfig
  private let clock: TunnelClock
  private let shutdown: OneShotEvent
  private let openStreams: OpenStreams

  /// Used for all RPCs that have a retry or hedging policy in the service config.
  public let retryThrottle: RetryThrottle?

  init(source: any ReverseTunnelSource, serviceConfig: ServiceConfig, clock: TunnelClock) {
    self.source = source
    self.serviceConfig = serviceConfig
    self.clock = clock
    self.shutdown = OneShotEvent()
    self.openStreams = OpenStreams()
    self.retryThrottle = serviceConfig.retryThrottling.map { RetryThrottle(policy: $0) }
  }

  /// Suspends until ``beginGracefulShutdown()`` was called and the RPCs of this transport have ended,
  /// or the task is cancelled. Nothing needs to be connected, and RPCs may start without it.
  public func connect() async throws {
    try await self.shutdown.wait()
    try await self.openStreams.waitUntilNone()
  }

  /// Takes no more RPCs, which fail with `failedPrecondition`, as do those that wait for a tunnel. The
  /// tunnels stay. May be called at any time, repeatedly.
  public func beginGracefulShutdown() {
    self.shutdown.fire()
    self.openStreams.finish()
  }

  /// Runs an RPC in one of the tunnels.
  ///
  /// - Throws: `RPCError` with `unavailable` when there is no tunnel, `deadlineExceeded` when the
  ///   options' timeout passes while the RPC waits for one, `failedPrecondition` after a graceful
  ///   shutdown, `cancelled` when the task was cancelled while the RPC waited; and what `closure`
  ///   throws. With a retry or hedging policy among the options, `closure` gets a stream that fails
  ///   with that error instead, so that the policy is asked.
  public func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    guard self.openStreams.start() else {
      throw RPCError.transportIsShuttingDown
    }
    defer { self.openStreams.end() }

    let call = ClientCall(descriptor, options, now: self.clock.now())
    let waitsForTunnels = options.waitForReady ?? false
    let place: ReverseTunnelPlace
    do {
      place = try await self.place(for: call, waitsForTunnels: waitsForTunnels)
    } catch let error as RPCError where call.hasExecutionPolicy && !Task.isCancelled {
      let context = ClientContext(descriptor: descriptor, remotePeer: "", localPeer: "")
      return try await closure(FailedStream(error).stream(for: descriptor), context)
    }
    let session = place.tunnel.session
    guard self.source.hasSeveralTunnels else {
      defer { place.end() }
      return try await session.withReservedStream(call, closure)
    }
    let stream = MovableStream(call, place) { tried, end in
      let wish = ReverseTunnelWish(tried: tried, waitsForTunnels: waitsForTunnels)
      return try await self.nextPlace(for: wish, until: call.deadline, or: end)
    }
    defer { stream.release() }
    return try await closure(
      stream.stream(for: descriptor),
      session.clientContext(for: descriptor)
    )
  }

  /// A place for an RPC that has not been tried.
  private func place(for call: ClientCall, waitsForTunnels: Bool) async throws -> ReverseTunnelPlace
  {
    let wish = ReverseTunnelWish(waitsForTunnels: waitsForTunnels)
    guard let place = try await self.place(for: wish, until: call.deadline) else {
      if self.shutdown.hasHappened { throw RPCError.transportIsShuttingDown }
      let message = "There is no tunnel for \(self.source.name)."
      throw RPCError(code: .unavailable, message: message)
    }
    return place
  }

  /// A place for an RPC that was refused: in a tunnel that has not done so, if there is one soon.
  ///
  /// - Returns: nil when there is no tunnel, and none is waited for.
  private func nextPlace(
    for wish: ReverseTunnelWish,
    until deadline: Duration?,
    or end: OneShotEvent
  ) async throws -> ReverseTunnelPlace? {
    guard wish.waitsForTunnels else {
      return try await self.place(for: wish, until: deadline, or: end)
    }
    let pause = self.clock.now() + Self.pauseBeforeTryingAgain
    if let place = try await self.place(for: wish, until: deadline, or: end, giveUp: pause) {
      return place
    }
    if end.hasHappened || self.shutdown.hasHappened { return nil }
    // Those that have refused it may take it now.
    return try await self.place(
      for: ReverseTunnelWish(waitsForTunnels: true),
      until: deadline,
      or: end
    )
  }

  /// Before tunnels that have refused an RPC are tried once more.
  private static var pauseBeforeTryingAgain: Duration { .milliseconds(100) }

  /// - Parameters:
  ///   - deadline: When the wait fails.
  ///   - end: Ends the wait.
  ///   - time: When the wait ends.
  /// - Returns: nil when there is no tunnel and none is waited for, or the wait has ended.
  private func place(
    for wish: ReverseTunnelWish,
    until deadline: Duration?,
    or end: OneShotEvent? = nil,
    giveUp time: Duration? = nil
  ) async throws -> ReverseTunnelPlace? {
    if Task.isCancelled { throw RPCError.cancelledByTask }
    switch self.source.placeAtOnce(for: wish) {
    case .place(let place): return place
    case .wait: return try await self.waitForPlace(for: wish, until: deadline, or: end, time)
    case .noTunnel: return nil
    }
  }

  private enum WaitResult {
    case place(ReverseTunnelPlace?)
    case failed(any Error)
  }

  private func waitForPlace(
    for wish: ReverseTunnelWish,
    until deadline: Duration?,
    or end: OneShotEvent?,
    _ time: Duration?
  ) async throws -> ReverseTunnelPlace? {
    let result = await withTaskGroup(of: WaitResult.self) { group in
      group.addTask {
        do {
          return .place(try await self.source.place(for: wish))
        } catch {
          return .failed(error)
        }
      }
      for event in [self.shutdown, end].compactMap({ $0 }) {
        group.addTask {
          try? await event.wait()
          return .place(nil)
        }
      }
      if let time {
        group.addTask {
          try? await self.clock.sleep(time)
          return .place(nil)
        }
      }
      if let deadline {
        group.addTask {
          try? await self.clock.sleep(deadline)
          return .failed(RPCError.deadlineExceededWaiting)
        }
      }
      let first = await group.next()
      group.cancelAll()
      for await result in group {
        // A place that came too late.
        if case .place(let place?) = result { place.giveBack() }
      }
      return first
    }
    switch result {
    case .place(let place?):
      return place
    case .place(.none), .none:
      if Task.isCancelled { throw RPCError.cancelledByTask }
      return nil
    case .failed(let error):
      throw Task.isCancelled ? RPCError.cancelledByTask : error
    }
  }

  /// The service config's entry for a method.
  public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    self.serviceConfig.methodConfig(for: descriptor)
  }
}

extension RPCError {
  fileprivate static var transportIsShuttingDown: RPCError {
    RPCError(code: .failedPrecondition, message: "The transport is shutting down.")
  }
}
