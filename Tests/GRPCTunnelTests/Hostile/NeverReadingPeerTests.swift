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
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing

@testable internal import GRPCTunnel

/// Peers that take nothing, or next to nothing.
@Suite("Hostile peers: never reading, or slowly", .timeLimit(.minutes(5)))
struct NeverReadingPeerTests {
  /// Takes no frame.
  private struct StuckWriter: RPCWriterProtocol {
    func write(_ element: ServerFrame) async throws {
      try await OneShotEvent().wait()
    }

    func write(contentsOf elements: some Sequence<ServerFrame>) async throws {
      for element in elements {
        try await self.write(element)
      }
    }
  }

  @Test("handlers leave at their deadlines, and little is kept meanwhile")
  func handlers() async throws {
    let clock = ManualClock()
    let events = ControlEvents()
    let session = ServerSession(
      configuration: TunnelConfiguration(),
      origin: TunnelOrigin(direction: .forward),
      carrier: nil,
      observer: TunnelObserver(.none, direction: .forward, role: .server),
      clock: clock.clock
    )
    session.carrierOpened(peer: CarrierHeaders(negotiates: true, extensions: []))
    let (inbound, source) = AsyncThrowingStream.makeStream(of: ClientFrame.self)
    let transport = AcceptedTunnelTransport(
      session: session,
      inbound: RPCAsyncSequence(wrapping: inbound),
      outbound: RPCWriter(wrapping: StuckWriter())
    )
    try await withGRPCServer(
      transport: transport,
      services: [ControlService(events: events)]
    ) { _ in
      let count = 50
      for number in 1 ... count {
        source.yield(
          .call(
            StreamID(rawValue: Int64(number)),
            ControlCall(
              .bidirectional,
              [.signal("started \(number)"), .send(1000, size: 100_000)],
              metadata: [ControlKey.cancelled: "cancelled \(number)"]
            ),
            window: 2_000_000_000,
            timeout: "60S"
          )
        )
      }
      for number in 1 ... count {
        try await events.wait(for: "started \(number)")
      }
      try await clock.waitForSleeper(until: .seconds(60))
      // At most a message beyond what may wait.
      let held = { session.session.inspect { $0.figures.bufferedByteCount } }
      #expect(held() <= count * (65_536 + 100_000))
      clock.advance(by: .seconds(60))
      for number in 1 ... count {
        try await events.wait(for: "cancelled \(number)")
      }
      #expect(held() == 0)
      #expect(session.session.inspect { $0.figures.streamsFinished[4] } == UInt64(count))
      session.session.close(TunnelEnd(initiator: .local, error: nil))
      // The server ends when its handlers have returned.
    }
    source.finish()
    #expect(session.session.inspect { $0.activeStreamCount } == 0)
  }

  @Test("a peer that takes no answers is not read any more")
  func refusals() async throws {
    let session = ServerSession(
      configuration: TunnelConfiguration(),
      origin: TunnelOrigin(direction: .forward),
      carrier: nil,
      observer: TunnelObserver(.none, direction: .forward, role: .server),
      clock: .continuous
    )
    session.carrierOpened(peer: CarrierHeaders(negotiates: true, extensions: []))
    let taken = Counter()
    let frames = AsyncThrowingStream<ClientFrame, any Error> {
      // Refused, each with an answer.
      taken.increment()
      return .call(
        StreamID(rawValue: Int64(taken.value)),
        ControlCall(.unary, []),
        revision: .init(rawValue: 7)
      )
    }
    let transport = AcceptedTunnelTransport(
      session: session,
      inbound: RPCAsyncSequence(wrapping: frames),
      outbound: RPCWriter(wrapping: StuckWriter())
    )
    try await withGRPCServer(transport: transport, services: []) { _ in
      while !session.session.inspect({ $0.isInboundPaused }) {
        await Task.yield()
      }
      // A batch is on its way, and as many frames as are kept wait behind it.
      #expect(taken.value < 20_000)
      session.session.close(TunnelEnd(initiator: .local, error: nil))
    }
  }

  @Test("callers leave at their deadlines, and little is sent meanwhile")
  func callers() async throws {
    let sent = LockedValue(0)
    let pair = CarrierPair { _, sender, message in
      if case .client = sender { sent.withLock { $0 += message.count } }
    }
    let clock = ManualClock()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, clock: clock.clock)
      _ = try await withRunningClient(transport: transport) { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          let (peer, _) = try await RawTunnelServer.accept(over: pair)
          try await peer.send(.settings(.zero, .one, window: 2_000_000_000))
          let count = 20
          for number in 1 ... count {
            group.addTask {
              let error = await #expect(throws: RPCError.self) {
                try await client.clientStreaming(
                  request: StreamingClientRequest(metadata: ["grpc-timeout": "20S"]) { writer in
                    events.happen("started \(number)")
                    while true {
                      try await writer.write([UInt8](pattern: 100_000))
                    }
                  },
                  descriptor: RPCKind.clientStreaming.controlMethod,
                  serializer: RawCoder(),
                  deserializer: RawCoder(),
                  options: .defaults
                ) { try $0.message }
              }
              #expect(error?.code == .deadlineExceeded)
            }
          }
          for number in 1 ... count {
            try await events.wait(for: "started \(number)")
          }
          // The timer of the handshake is still slept for.
          try await clock.waitForSleeper(until: .seconds(10))
          clock.advance(by: .seconds(20))
          try await group.waitForAll()
          // What the carrier holds, and a batch on its way.
          #expect(sent.withLock { $0 } < 65_535 + 128 * 1024 + 16_384)
          try await peer.end()
        }
      }
    }
  }

  @Test("a peer that takes one byte at a time gets all of them, and holds up nobody")
  func slowCaller() async throws {
    try await TunnelServerUnderTest.run(.forward) { server in
      let size = 1000
      try await server.send(
        .call(1, ControlCall(.bidirectional, [.send(1, size: size)]), window: 0)
      )
      for number in 1 ... size {
        try await server.send(ClientFrame(streamID: 1, payload: .windowUpdate(1)))
        let frame = try await server.read { ($0.payload?.dataByteCount ?? 0) > 0 }
        #expect(frame.payload?.dataByteCount == 1)
        if number == size / 2 { try await server.expectToServe(2) }
      }
      #expect(try await server.readClose(of: 1).rpcCode == .ok)
      #expect(server.messages(on: 1) == [[UInt8](repeating: 0, count: size)])
    }
  }

  @Test("a peer that gives one byte of credit at a time gets a whole request")
  func slowServer() async throws {
    let settings = ServerFrame.settings(.zero, .one, window: 0)
    try await TunnelClientUnderTest.run(.reverse, settings: [settings]) { client in
      let message = [UInt8](pattern: 1000)
      async let reply = client.client.call(
        ControlCall(.bidirectional, [.echo], messages: [message])
      )
      let (id, _) = try await client.peer.readNewStream()
      var received: [UInt8] = []
      while received.count < message.count {
        try await client.send(ServerFrame(streamID: id, payload: .windowUpdate(1)))
        switch try await client.peer.nextOrThrow().payload {
        case .requestMessage(let envelope): received += envelope.data
        case .moreRequestData(let data): received += data
        case let payload: Issue.record("\(String(describing: payload))")
        }
      }
      #expect(received == message)
      try await client.read(until: .halfClose(id))
      try await client.peer.answer(id, [1])
      #expect(try await reply.messages == [[1]])
    }
  }
}
