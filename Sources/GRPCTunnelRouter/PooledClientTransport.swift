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
internal import GRPCTunnel

/// Several client transports to one server, used as few as possible: an RPC goes to the first that
/// has room for it.
///
/// The HTTP/2 client transport keeps to 100 streams on a connection when the server does not say
/// how many it takes, which to all others means any number; further RPCs would wait for those to
/// end. Transports connect when there is an RPC for them, the first one at once.
final class PooledClientTransport<Base: ClientTransport>: ClientTransport {
  typealias Bytes = Base.Bytes

  private struct State {
    var openStreams: [Int]
    /// Transports are started in order: this many have been.
    var startedCount = 1
    var isShutDown = false
  }

  private let transports: [Base]
  private let maximumStreams: Int
  private let state: LockedValue<State>
  /// The transports to connect, as they are needed.
  private let started: AsyncStream<Base>
  private let starting: AsyncStream<Base>.Continuation

  /// Creates a pool.
  ///
  /// - Parameters:
  ///   - count: How many transports there are; at least one.
  ///   - maximumStreams: How many RPCs each takes before the next one is used. When all are full,
  ///     further RPCs go where the fewest are.
  ///   - makeTransport: Makes one of the transports.
  init(count: Int, maximumStreams: Int, makeTransport: () throws -> Base) rethrows {
    self.transports = try (0 ..< count).map { _ in try makeTransport() }
    self.maximumStreams = maximumStreams
    self.state = LockedValue(State(openStreams: Array(repeating: 0, count: count)))
    (self.started, self.starting) = AsyncStream.makeStream(of: Base.self)
    self.starting.yield(self.transports[0])
  }

  var retryThrottle: RetryThrottle? {
    nil
  }

  func connect() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for await transport in self.started {
        group.addTask { try await transport.connect() }
      }
      try await group.waitForAll()
    }
  }

  func beginGracefulShutdown() {
    let count = self.state.withLock { state in
      state.isShutDown = true
      return state.startedCount
    }
    self.starting.finish()
    for transport in self.transports.prefix(count) {
      transport.beginGracefulShutdown()
    }
  }

  func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    let index = try self.take()
    defer { self.state.withLock { $0.openStreams[index] -= 1 } }
    return try await self.transports[index].withStream(
      descriptor: descriptor,
      options: options,
      closure
    )
  }

  private func take() throws(RPCError) -> Int {
    let taken: (index: Int, isNew: Bool)? = self.state.withLock { state in
      if state.isShutDown { return nil }
      var best = 0
      for (index, count) in state.openStreams.enumerated() {
        if count < self.maximumStreams {
          best = index
          break
        }
        if count < state.openStreams[best] { best = index }
      }
      state.openStreams[best] += 1
      let isNew = best >= state.startedCount
      state.startedCount = max(state.startedCount, best + 1)
      return (best, isNew)
    }
    guard let taken else {
      throw RPCError(code: .failedPrecondition, message: "The transport is shutting down.")
    }
    if taken.isNew { self.starting.yield(self.transports[taken.index]) }
    return taken.index
  }

  func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    self.transports[0].config(forMethod: descriptor)
  }
}
