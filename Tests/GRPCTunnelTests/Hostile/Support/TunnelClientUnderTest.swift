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

/// A tunnel client of ours, from `GRPCClient` down, whose peer is made by hand.
struct TunnelClientUnderTest: Sendable {
  let peer: RawTunnelServer
  let direction: TestTunnel.Direction
  let client: GRPCClient<ErasedClientTransport>
  let events = ControlEvents()

  /// Opens a tunnel and ends it after `body`, which leaves it open or broken.
  ///
  /// - Parameter settings: What the peer sends first.
  /// - Returns: For a forward tunnel, what its transport threw in the end.
  @discardableResult
  static func run(
    _ direction: TestTunnel.Direction,
    config: TunnelConfig = .defaults,
    headers: Metadata = .negotiating,
    clock: TunnelClock = .continuous,
    settings: [ServerFrame] = [.settings(.zero, .one)],
    _ body: @Sendable (_ client: TunnelClientUnderTest) async throws -> Void
  ) async throws -> TunnelError? {
    let pair = CarrierPair()
    let failure: TunnelError?
    switch direction {
    case .forward:
      failure = try await withGRPCClient(transport: pair.client) { network in
        let transport = TunnelClientTransport(over: network, config: config, clock: clock)
        return try await withRunningClient(
          transport: ErasedClientTransport(base: transport)
        ) { client in
          let (peer, _) = try await RawTunnelServer.accept(over: pair, headers: headers)
          for frame in settings {
            try await peer.send(frame)
          }
          try await body(Self(peer: peer, direction: direction, client: client))
          client.beginGracefulShutdown()
          // Fails where the tunnel has ended.
          do {
            while try await peer.next() != nil {}
            try await peer.end()
          } catch {}
        }.failure
      }
      #expect(pair.openCount == 0)

    case .reverse:
      let agents = ReverseTunnels(config: config, clock: clock) { _ in "agent" }
      let service = TunnelService(reverseTunnels: agents)
      try await withGRPCServer(transport: pair.server, services: [service]) { _ in
        let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
        for frame in settings {
          try await peer.send(frame)
        }
        try await agents.waitUntilReady()
        try await withGRPCClient(
          transport: ErasedClientTransport(base: agents.transport)
        ) { client in
          try await body(Self(peer: peer, direction: direction, client: client))
        }
        peer.halfClose()
        _ = try await peer.readStatus()
      }
      #expect(agents.tunnels.isEmpty)
      failure = nil
    }
    return failure
  }

  // MARK: - Frames

  func send(_ frames: ServerFrame...) async throws {
    for frame in frames {
      try await self.peer.send(frame)
    }
  }

  /// Reads until there is this frame.
  func read(until frame: ClientFrame) async throws {
    while try await self.peer.nextOrThrow() != frame {}
  }

  // MARK: - RPCs

  /// Makes an RPC whose request is one message. Where it is not read, only the response's headers are
  /// before the event "read".
  func call(isRead: Bool = true, metadata: Metadata = [:]) async throws -> VectorOutcome {
    do {
      return try await self.client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: metadata) { writer in
          try await writer.write([9])
        },
        descriptor: RPCKind.bidirectional.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        if !isRead { try await self.events.wait(for: "read") }
        return await VectorOutcome(response)
      }
    } catch let error as RPCError {
      return VectorOutcome(failed: error)
    }
  }

  /// Expects that an RPC goes through the tunnel as it should.
  func expectToCall() async throws {
    async let reply = self.call()
    let (id, _) = try await self.peer.readNewStream()
    try await self.peer.answer(id, [1, 2, 3])
    let outcome = try await reply
    #expect(outcome.code == .ok)
    #expect(outcome.messages == [[1, 2, 3]])
  }

  /// Expects that the tunnel ends with INTERNAL, which only a network server can say.
  func expectTheEnd() async throws {
    switch self.direction {
    case .forward:
      await #expect(throws: RPCError.self) {
        while try await self.peer.next() != nil {}
      }
    case .reverse:
      #expect(try await self.peer.readStatus()?.code == .internalError)
    }
  }
}

extension TunnelClientUnderTest {
  /// Does to a tunnel with an open RPC, number 1, what `hostile` says, and checks what ends.
  static func check(
    _ hostile: HostileServerCase,
    _ direction: TestTunnel.Direction,
    config: TunnelConfig = .defaults,
    headers: Metadata = .negotiating,
    settings: [ServerFrame] = [.settings(.zero, .one)]
  ) async throws {
    let failure = try await Self.run(
      direction,
      config: config,
      headers: headers,
      settings: settings
    ) { client in
      async let reply = client.call(isRead: hostile.isRead)
      let (id, _) = try await client.peer.readNewStream()
      #expect(id == 1)
      if !hostile.isRead { try await client.send(.headers(1)) }
      for message in hostile.messages {
        try await client.peer.send(bytes: message)
      }
      switch hostile.outcome {
      case .tunnel:
        #expect(try await reply.code == .unavailable)
        try await client.expectTheEnd()
        return
      case .stream(_, let code):
        try await client.read(until: .cancel(1))
        client.events.happen("read")
        #expect(try await reply.code == code)
        // What follows for it is ignored.
        try await client.send(.headers(1), .message(1, [4]), .close(1))
      case .status(let code):
        client.events.happen("read")
        #expect(try await reply.code == code)
      case .nothing:
        client.events.happen("read")
        try await client.peer.answer(1, [7])
        let outcome = try await reply
        #expect(outcome.code == .ok)
        #expect(outcome.messages == [[7]])
      }
      try await client.expectToCall()
    }
    switch (hostile.outcome, direction) {
    case (.tunnel, .forward):
      #expect(failure?.code == .peerFault)
      #expect((failure?.cause as? RPCError)?.code == .internalError)
    case (.tunnel, .reverse), (.nothing, _), (.stream, _), (.status, _):
      #expect(failure == nil)
    }
  }
}
