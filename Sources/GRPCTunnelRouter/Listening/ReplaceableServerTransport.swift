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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel

/// An HTTP/2 server transport that can be replaced by another one while it listens, on the same
/// socket: for settings that a running one cannot change, such as trusted certificate authorities.
///
/// The one that is replaced is drained: its RPCs go on, but it takes no more of them. No connection is
/// refused meanwhile.
final class ReplaceableServerTransport: ServerTransport, ListeningServerTransport {
  typealias Bytes = GRPCNIOTransportBytes

  /// Whether the transport of an RPC takes no more of them.
  typealias IsDraining = @Sendable () -> Bool

  /// One of the transports that follow each other.
  private struct Generation: Sendable {
    var transport: HTTP2ServerTransport.Posix
    var draining = OneShotEvent()

    func drain() {
      self.draining.fire()
      self.transport.beginGracefulShutdown()
    }
  }

  private struct State {
    var context: GRPCServerContext?
    var current: Generation?
    var isShutDown = false
  }

  private let address: NetworkAddress
  private let makeTransport: @Sendable (_ descriptor: Int) throws -> HTTP2ServerTransport.Posix
  private let state = LockedValue(State())
  /// The first transport is there, or there will be none.
  private let started = OneShotEvent()
  private let replacements: AsyncStream<Void>
  private let replacing: AsyncStream<Void>.Continuation

  /// - Parameter makeTransport: Makes a transport that listens on a descriptor, which it closes.
  init(
    address: NetworkAddress,
    makeTransport: @escaping @Sendable (_ descriptor: Int) throws -> HTTP2ServerTransport.Posix
  ) {
    self.address = address
    self.makeTransport = makeTransport
    (self.replacements, self.replacing) = AsyncStream.makeStream(
      of: Void.self,
      bufferingPolicy: .bufferingNewest(1)
    )
  }

  func configure(context: GRPCServerContext) {
    self.state.withLock { $0.context = context }
  }

  func listen(
    streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    try await self.listen { stream, context, _ in await streamHandler(stream, context) }
  }

  /// Listens, and tells the handler of each RPC whether the transport that it came through drains.
  func listen(
    streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext,
        _ isDraining: @escaping IsDraining
      ) async -> Void
  ) async throws {
    defer { self.started.fire() }
    let socket = try ListeningSocket(await self.address.socketAddress())
    try await withThrowingTaskGroup(of: Void.self) { group in
      // The first one, and one for each replacement.
      var replacements = self.replacements.makeAsyncIterator()
      repeat {
        let generation = try self.nextGeneration(socket)
        group.addTask {
          // One that fails is the end of all.
          defer { if !generation.draining.hasHappened { self.beginGracefulShutdown() } }
          try await generation.transport.listen { stream, context in
            await streamHandler(stream, context) { generation.draining.hasHappened }
          }
        }
        self.started.fire()
      } while await replacements.next() != nil
      try await group.waitForAll()
    }
  }

  /// Puts a transport in the place of the current one, which is drained.
  private func nextGeneration(_ socket: ListeningSocket) throws -> Generation {
    let generation = Generation(transport: try self.makeTransport(try socket.duplicate()))
    let (old, isShutDown) = self.state.withLock { state in
      if let context = state.context { generation.transport.configure(context: context) }
      defer { state.current = generation }
      return (state.current, state.isShutDown)
    }
    old?.drain()
    if isShutDown { generation.drain() }
    return generation
  }

  /// Replaces the transport by one that is made anew.
  func replace() {
    self.replacing.yield()
  }

  func beginGracefulShutdown() {
    let current = self.state.withLock { state in
      state.isShutDown = true
      return state.current
    }
    current?.drain()
    self.replacing.finish()
  }

  /// The address that it listens on, once it does.
  var listeningAddress: SocketAddress {
    get async throws {
      try await self.started.wait()
      guard let current = self.state.withLock({ $0.current }) else {
        throw RouterError("not listening on \(self.address)")
      }
      return try await current.transport.listeningAddress
    }
  }
}
