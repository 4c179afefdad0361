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
/// The one that is replaced is drained: its RPCs go on, but it takes no more of them. New connections
/// wait meanwhile; one that has just reached the old transport may be closed. One that cannot be made
/// replaces none.
final class ReplaceableServerTransport: ServerTransport, ListeningServerTransport {
  typealias Bytes = GRPCNIOTransportBytes

  /// Whether the transport of an RPC takes no more of them.
  typealias IsDraining = @Sendable () -> Bool

  /// One of the transports that follow each other.
  private struct Generation: Sendable {
    var transport: HTTP2ServerTransport.Posix
    /// Fires when it listens.
    var listening = OneShotEvent()
    var draining = OneShotEvent()
    /// Why it does not listen.
    var failure = LockedValue<(any Error)?>(nil)

    func drain() {
      self.draining.fire()
      self.transport.beginGracefulShutdown()
    }
  }

  private struct State {
    var context: GRPCServerContext?
    var current: Generation?
    var socket: ListeningSocket?
    var isShutDown = false
  }

  private let address: NetworkAddress
  private let makeTransport: @Sendable (_ descriptor: Int) throws -> HTTP2ServerTransport.Posix
  private let onReplacement: @Sendable (_ error: (any Error)?) -> Void
  private let state = LockedValue(State())
  /// The first transport is there, or there will be none.
  private let started = OneShotEvent()
  private let replacements: AsyncStream<Void>
  private let replacing: AsyncStream<Void>.Continuation

  /// - Parameters:
  ///   - makeTransport: Makes a transport that listens on a descriptor, which it closes.
  ///   - onReplacement: Called when a transport has replaced another, or could not, with the error.
  init(
    address: NetworkAddress,
    makeTransport: @escaping @Sendable (_ descriptor: Int) throws -> HTTP2ServerTransport.Posix,
    onReplacement: @escaping @Sendable (_ error: (any Error)?) -> Void
  ) {
    self.address = address
    self.makeTransport = makeTransport
    self.onReplacement = onReplacement
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
    self.state.withLock { $0.socket = socket }
    try await withThrowingTaskGroup(of: Void.self) { group in
      let first = try self.makeGeneration(socket)
      first.listening.fire()
      self.use(first)
      group.addTask { try await self.run(first, streamHandler) }
      self.started.fire()
      for await _ in self.replacements {
        do {
          let next = try self.makeGeneration(socket)
          self.use(next)
          // The one before closes its descriptor meanwhile; connections wait in the socket. Two at one
          // socket wake each other up, which NIO takes for a fault of its own in debug builds.
          try await Task.sleep(for: .milliseconds(50))
          group.addTask { try await self.run(next, streamHandler) }
          try await self.waitUntilListening(next)
          self.onReplacement(nil)
        } catch {
          if !self.state.withLock({ $0.isShutDown }) { self.onReplacement(error) }
        }
      }
      try await group.waitForAll()
    }
  }

  private func makeGeneration(_ socket: ListeningSocket) throws -> Generation {
    let generation = Generation(transport: try socket.withDuplicate(self.makeTransport))
    let context = self.state.withLock { $0.context }
    if let context { generation.transport.configure(context: context) }
    return generation
  }

  private func run(
    _ generation: Generation,
    _ streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext,
        _ isDraining: @escaping IsDraining
      ) async -> Void
  ) async throws {
    do {
      try await generation.transport.listen { stream, context in
        await streamHandler(stream, context) { generation.draining.hasHappened }
      }
    } catch {
      if !generation.listening.hasHappened {
        generation.failure.withLock { $0 = error }
        return
      }
      if !generation.draining.hasHappened { self.beginGracefulShutdown() }
      throw error
    }
    // One that ends by itself is the end of all.
    if !generation.draining.hasHappened { self.beginGracefulShutdown() }
  }

  /// - Throws: Why a transport does not listen; then another one will, in a while.
  private func waitUntilListening(_ next: Generation) async throws {
    do {
      _ = try await next.transport.listeningAddress
      next.listening.fire()
    } catch {
      if !Task.isCancelled, !self.state.withLock({ $0.isShutDown }) {
        try await Task.sleep(for: .seconds(1))
        self.replace()
      }
      throw next.failure.withLock { $0 } ?? error
    }
  }

  /// Puts a transport in the place of the current one, which drains.
  private func use(_ generation: Generation) {
    let (old, isShutDown, socket) = self.state.withLock { state in
      defer { state.current = generation }
      return (state.current, state.isShutDown, state.socket)
    }
    old?.drain()
    if isShutDown {
      generation.drain()
      socket?.stop()
    }
  }

  /// Replaces the transport by one that is made anew.
  func replace() {
    self.replacing.yield()
  }

  func beginGracefulShutdown() {
    let (current, socket) = self.state.withLock { state in
      state.isShutDown = true
      return (state.current, state.socket)
    }
    current?.drain()
    // Not before there is a transport, which needs it.
    if current != nil { socket?.stop() }
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
