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
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport

/// One of our four ends of a tunnel, with a peer made by hand at the other end, and an RPC open.
struct TunnelEndUnderTest: Sendable {
  enum Kind: CaseIterable, Sendable {
    case forwardClient
    case forwardServer
    case reverseClient
    case reverseServer

    /// Whether this end dials.
    var dials: Bool {
      switch self {
      case .forwardClient, .reverseServer: true
      case .forwardServer, .reverseClient: false
      }
    }

    /// Whether RPCs begin at this end.
    var isClient: Bool {
      switch self {
      case .forwardClient, .reverseClient: true
      case .forwardServer, .reverseServer: false
      }
    }
  }

  /// The peer, whatever it is.
  struct Peer: Sendable {
    /// Ends the tunnel as it should be.
    var end: @Sendable () async throws -> Void
    /// Ends the tunnel with an error: a status, or by giving up the carrier.
    var fail: @Sendable () async throws -> Void
    /// Breaks the protocol.
    var breakProtocol: @Sendable () async throws -> Void
    /// Takes frames until the end under test sends no more, and ends the carrier then.
    var endAfterEnd: @Sendable () async throws -> Void
  }

  let kind: Kind
  let pair = CarrierPair()
  let clock = ManualClock()
  let log = LogRecorder()
  let failures = FailureRecorder()
  private let events = ControlEvents()
  private let shutdown = OneShotEvent()
  private let cancellation = OneShotEvent()

  init(_ kind: Kind) {
    self.kind = kind
  }

  /// Shuts this end down gracefully.
  func shutDown() {
    self.shutdown.fire()
  }

  /// Cancels the task that runs this end.
  func cancel() {
    self.cancellation.fire()
  }

  /// The line that says how the tunnel ended.
  var closed: LogRecorder.Line {
    get async throws { try await self.log.line("tunnel closed") }
  }

  // MARK: - Running

  /// Runs the end beside `body`.
  ///
  /// - Parameter hasRPC: Whether an RPC is open while `body` runs.
  func run(hasRPC: Bool = true, _ body: @Sendable (Peer) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.runEnd() }
      let peer: Peer
      switch self.kind {
      case .forwardClient:
        let (raw, _) = try await RawTunnelServer.accept(over: self.pair)
        peer = try await self.opened(raw, hasRPC: hasRPC)
      case .reverseClient:
        let raw = try await RawTunnelServer.dial(over: self.pair)
        _ = try await raw.receiveHeaders()
        peer = try await self.opened(raw, hasRPC: hasRPC)
      case .forwardServer:
        let raw = try await RawTunnelClient.dial(over: self.pair)
        peer = try await self.opened(raw, hasRPC: hasRPC)
      case .reverseServer:
        let (raw, _) = try await RawTunnelClient.accept(over: self.pair)
        peer = try await self.opened(raw, hasRPC: hasRPC)
      }
      _ = try await self.log.line("tunnel opened")
      try await body(peer)
      self.cancel()
      try await group.waitForAll()
    }
  }

  /// Runs the end until it ends by itself, or ``cancel()``.
  func runEnd() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.runForever() }
      group.addTask { try await self.cancellation.wait() }
      try await group.next()
      group.cancelAll()
    }
  }

  private func runForever() async throws {
    let observability = self.log.observability
    let services = [ControlService(events: self.events)]
    switch self.kind {
    case .forwardClient:
      try await withGRPCClient(transport: self.pair.client) { network in
        let transport = TunnelClientTransport(
          over: network,
          observability: observability,
          clock: self.clock.clock
        )
        let client = GRPCClient(transport: transport)
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await self.call(client) }
          group.addTask {
            try? await self.shutdown.wait()
            client.beginGracefulShutdown()
          }
          try? await client.runConnections()
          // The RPC ends with its tunnel, and by itself.
          self.shutDown()
        }
      }

    case .reverseServer:
      try await withGRPCClient(transport: self.pair.client) { network in
        let transport = ReverseTunnelServerTransport(
          over: network,
          observability: observability,
          clock: self.clock.clock
        )
        let server = GRPCServer(
          transport: transport,
          services: services,
          interceptors: [self.failures]
        )
        try await self.serve(server)
      }

    case .forwardServer:
      let service = TunnelService(
        services: services,
        interceptors: [self.failures],
        observability: observability,
        clock: self.clock.clock
      )
      try await self.serve(GRPCServer(transport: self.pair.server, services: [service]))

    case .reverseClient:
      let agents = ReverseTunnels(
        observability: observability,
        clock: self.clock.clock
      ) { _ in "agent" }
      let service = TunnelService(reverseTunnels: agents)
      let server = GRPCServer(transport: self.pair.server, services: [service])
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await agents.waitUntilReady()
          try await withGRPCClient(transport: agents.transport) { await self.call($0) }
        }
        group.addTask { try await self.serve(server) }
        try await group.waitForAll()
      }
    }
  }

  private func serve(_ server: GRPCServer<some ServerTransport>) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await self.shutdown.wait()
        server.beginGracefulShutdown()
      }
      try await server.serve()
      group.cancelAll()
    }
  }

  /// Makes an RPC, at a client.
  private func call(_ client: GRPCClient<some ClientTransport>) async {
    let reply = try? await client.call(ControlCall(.unary, [.echo]))
    if let error = reply?.error { self.failures.record(error) }
  }

  // MARK: - The peer

  private func opened(_ peer: RawTunnelServer, hasRPC: Bool) async throws -> Peer {
    try await peer.send(.settings(.zero, .one))
    let (id, _) = try await peer.readNewStream()
    if !hasRPC { try await peer.answer(id, [1]) }
    return Peer(
      end: { self.kind.dials ? try await peer.end() : peer.halfClose() },
      fail: { self.kind.dials ? try await peer.end(Self.failure) : peer.cancel() },
      breakProtocol: { try await peer.send(.headers(99)) },
      endAfterEnd: {
        while try await peer.next() != nil {}
        if self.kind.dials { try await peer.end() }
      }
    )
  }

  private func opened(_ peer: RawTunnelClient, hasRPC: Bool) async throws -> Peer {
    if hasRPC {
      try await peer.send(
        .call(1, ControlCall(.bidirectional, [.signal("started"), .drain]))
      )
      try await self.events.wait(for: "started")
    }
    return Peer(
      end: { self.kind.dials ? try await peer.end() : peer.halfClose() },
      fail: { self.kind.dials ? try await peer.end(Self.failure) : peer.cancel() },
      breakProtocol: { try await peer.send(.halfClose(99)) },
      endAfterEnd: {
        while try await peer.next() != nil {}
        if self.kind.dials { try await peer.end() }
      }
    )
  }

  private static let failure = Status(code: .permissionDenied, message: "not any more")
}

/// Remembers how RPCs failed, as their handlers, or their callers, saw it.
final class FailureRecorder: ServerInterceptor {
  private let failures = LockedValue<[RPCError]>([])
  private let failed = OneShotEvent()

  /// The first failure; suspends until there is one.
  var first: RPCError {
    get async throws {
      try await self.failed.wait()
      return self.failures.withLock { $0[0] }
    }
  }

  func record(_ error: any Error) {
    let error = error as? RPCError ?? RPCError(code: .unknown, message: "\(error)")
    self.failures.withLock { $0.append(error) }
    self.failed.fire()
  }

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let response = try await next(request, context)
    let contents = try response.accepted.get()
    return StreamingServerResponse(metadata: contents.metadata) { writer in
      do {
        return try await contents.producer(writer)
      } catch {
        self.record(error)
        throw error
      }
    }
  }
}
