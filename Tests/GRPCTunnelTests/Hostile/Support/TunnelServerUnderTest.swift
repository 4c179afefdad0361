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
internal import Testing

/// A tunnel server of ours, from `GRPCServer` down, whose peer is made by hand.
struct TunnelServerUnderTest: Sendable {
  let peer: RawTunnelClient
  let direction: TestTunnel.Direction
  let pair: CarrierPair
  let events: ControlEvents
  private let received = LockedValue<[ServerFrame]>([])

  /// Opens a tunnel and ends it after `body`, which leaves it open or broken.
  static func run(
    _ direction: TestTunnel.Direction,
    config: TunnelConfig = .defaults,
    headers: Metadata = .negotiating,
    clock: TunnelClock = .continuous,
    interceptors: [any ServerInterceptor] = [],
    _ body: @Sendable (_ server: TunnelServerUnderTest) async throws -> Void
  ) async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    let services = [ControlService(events: events)]
    switch direction {
    case .forward:
      let service = TunnelService(
        services: services,
        interceptors: interceptors,
        config: config,
        clock: clock
      )
      try await withGRPCServer(transport: pair.server, services: [service]) { _ in
        let peer = try await RawTunnelClient.dial(over: pair, headers: headers)
        try await Self(peer: peer, direction: direction, pair: pair, events: events).run(body)
      }

    case .reverse:
      try await withGRPCClient(transport: pair.client) { network in
        let transport = ReverseTunnelServerTransport(
          over: network,
          config: config,
          reconnect: .tiny,
          clock: clock
        )
        try await withGRPCServer(
          transport: transport,
          services: services,
          interceptors: interceptors
        ) { _ in
          let (peer, _) = try await RawTunnelClient.accept(over: pair, headers: headers)
          try await Self(peer: peer, direction: direction, pair: pair, events: events).run(body)
        }
      }
      #expect(pair.openCount == 0)
    }
  }

  private func run(_ body: (_ server: TunnelServerUnderTest) async throws -> Void) async throws {
    try await body(self)
    switch self.direction {
    case .forward:
      self.peer.halfClose()
      _ = try await self.peer.readStatus()
    case .reverse:
      // Fails where the tunnel has ended.
      try? await self.peer.end()
    }
  }

  // MARK: - Frames

  func send(_ frames: ClientFrame...) async throws {
    for frame in frames {
      try await self.peer.send(frame)
    }
  }

  /// Reads until there is a frame like this.
  func read(until isAwaited: (ServerFrame) -> Bool) async throws -> ServerFrame {
    while true {
      let frame = try await self.peer.nextOrThrow()
      self.received.withLock { $0.append(frame) }
      if isAwaited(frame) { return frame }
    }
  }

  /// Reads until a stream is closed.
  func readClose(of id: StreamID) async throws -> WireStatus {
    let frame = try await self.read { $0.streamID == id && $0.closeStatus != nil }
    return frame.closeStatus ?? WireStatus()
  }

  /// All messages that were read on a stream, put together.
  func messages(on id: StreamID) -> [[UInt8]] {
    var calls = RecordedCalls()
    for frame in self.received.withLock({ $0 }) {
      calls.receive(.fromTunnelServer(frame))
    }
    return calls[id].responses.complete
  }

  /// How often each stream was seen to be closed.
  var closes: [StreamID: Int] {
    self.received.withLock { frames in
      frames.reduce(into: [:]) { closes, frame in
        if frame.closeStatus != nil { closes[frame.streamID, default: 0] += 1 }
      }
    }
  }

  // MARK: - RPCs

  /// Starts an RPC, number 1, whose handler runs when this returns.
  func start(isRead: Bool = true, revision: ProtocolRevision = .one) async throws {
    let call = ControlCall(
      .bidirectional,
      [.signal("started")] + (isRead ? [] : [.wait("read")]) + [.echo, .signal("done")],
      metadata: [ControlKey.cancelled: "cancelled"]
    )
    try await self.send(.call(1, call, revision: revision))
    try await self.events.wait(for: "started")
  }

  /// Expects that an RPC goes through the tunnel as it should.
  func expectToServe(_ id: StreamID, revision: ProtocolRevision = .one) async throws {
    try await self.send(
      .call(id, ControlCall(.unary, [.echo]), revision: revision),
      .message(id, [1, 2, 3]),
      .halfClose(id)
    )
    #expect(try await self.readClose(of: id).rpcCode == .ok)
    #expect(self.messages(on: id) == [[1, 2, 3]])
  }

  /// Expects that the tunnel ends with INTERNAL, which only a network server can say.
  func expectTheEnd() async throws {
    switch self.direction {
    case .forward:
      #expect(try await self.peer.readStatus()?.code == .internalError)
    case .reverse:
      await #expect(throws: RPCError.self) {
        while try await self.peer.next() != nil {}
      }
      // The transport, and the process with it, lives on.
      let (peer, _) = try await RawTunnelClient.accept(over: self.pair)
      #expect(peer.method.method == "OpenReverseTunnel")
      try await peer.end()
    }
  }
}

extension TunnelServerUnderTest {
  /// Does to a tunnel with an open RPC, number 1, what `hostile` says, and checks what ends.
  static func check(
    _ hostile: HostileCase<ClientFrame>,
    _ direction: TestTunnel.Direction,
    config: TunnelConfig = .defaults,
    headers: Metadata = .negotiating,
    revision: ProtocolRevision = .one
  ) async throws {
    try await Self.run(direction, config: config, headers: headers) { server in
      try await server.start(isRead: hostile.isRead, revision: revision)
      for message in hostile.messages {
        try await server.peer.send(bytes: message)
      }
      switch hostile.outcome {
      case .tunnel:
        try await server.events.wait(for: "cancelled")
        try await server.expectTheEnd()
        return
      case .stream(1, let code):
        #expect(try await server.readClose(of: 1).rpcCode == code)
        if code != .ok { try await server.events.wait(for: "cancelled") }
        server.events.happen("read")
        // What follows for it is ignored.
        try await server.send(.message(1, [4]), .halfClose(1), .cancel(1))
      case .stream(let id, let code):
        #expect(try await server.readClose(of: id).rpcCode == code)
        try await server.expectFirstToGoOn()
      case .nothing, .status:
        try await server.expectFirstToGoOn()
      }
      try await server.expectToServe(1000, revision: revision)
      #expect(server.closes.values.allSatisfy { $0 == 1 })
    }
  }

  private func expectFirstToGoOn() async throws {
    self.events.happen("read")
    try await self.send(.message(1, [7]), .halfClose(1))
    #expect(try await self.readClose(of: 1).rpcCode == .ok)
    #expect(self.messages(on: 1) == [[7]])
  }
}
