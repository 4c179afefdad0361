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

@Suite("Deadlines and stalls (PROTOCOL.md 4 and 6)", .timeLimit(.minutes(5)))
struct TimerTests {
  @Test("a server answers an expired deadline, whatever its handler does")
  func expiredDeadline() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    let service = TunnelService(services: [ControlService(events: events)], clock: clock.clock)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await peer.send(
        .call(
          1,
          ControlCall(
            .bidirectional,
            [.signal("started"), .wait("let go"), .send(1, size: 10)],
            metadata: [ControlKey.cancelled: "cancelled"]
          ),
          timeout: "60S"
        )
      )
      try await events.wait(for: "started")
      try await clock.waitForSleeper(until: .seconds(60))
      clock.advance(by: .seconds(60))
      #expect(try await peer.readClose(of: 1).rpcCode == .deadlineExceeded)
      try await events.wait(for: "cancelled")

      // What the handler writes now is dropped.
      events.happen("let go")
      try await peer.send(.call(2, ControlCall(.unary, [.echo])))
      try await peer.send(.message(2, [1]))
      try await peer.send(.halfClose(2))
      while true {
        let frame = try await peer.nextOrThrow()
        #expect(frame.streamID != 1)
        if frame.streamID == 2, frame.closeStatus != nil { break }
      }
      peer.halfClose()
      #expect(try await peer.readStatus()?.code == .ok)
    }
  }

  @Test("at revision zero a handler that does not read holds up others only so long")
  func stalledHandler() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    let service = TunnelService(services: [ControlService(events: events)], clock: clock.clock)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await peer.send(
        .call(
          1,
          ControlCall(
            .clientStreaming,
            [.signal("started"), .wait("let go")],
            metadata: [ControlKey.cancelled: "cancelled"]
          ),
          revision: .zero
        )
      )
      try await events.wait(for: "started")
      for _ in 0 ..< 5 {
        try await peer.send(.message(1, [UInt8](pattern: 16_384)))
      }
      try await peer.send(.call(2, ControlCall(.unary, [.echo]), revision: .zero))
      try await peer.send(.message(2, [1]))
      try await peer.send(.halfClose(2))

      try await clock.waitForSleeper(until: .seconds(30))
      clock.advance(by: .seconds(30))
      #expect(try await peer.readClose(of: 1).rpcCode == .resourceExhausted)
      #expect(try await peer.readClose(of: 2).rpcCode == .ok)
      try await events.wait(for: "cancelled")
      events.happen("let go")
    }
  }

  @Test("at revision zero a caller that does not read holds up others only so long")
  func stalledCaller() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, clock: clock.clock)
      let (_, failure) = try await withRunningClient(transport: transport) { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            await #expect(throws: RPCError.self) {
              try await client.serverStreaming(
                request: ClientRequest(message: []),
                descriptor: RPCKind.serverStreaming.controlMethod,
                serializer: RawCoder(),
                deserializer: RawCoder(),
                options: .defaults
              ) { response in
                try await events.wait(for: "stalled")
                for try await _ in response.messages {}
              }
            }
          }
          let (peer, _) = try await RawTunnelServer.accept(over: pair, headers: [:])
          let (stuck, _) = try await peer.readNewStream()
          // The timer of the handshake is still slept for.
          try await clock.waitForSleeper(until: .seconds(10))
          clock.advance(by: .seconds(10))
          try await peer.send(.headers(stuck))
          for _ in 0 ..< 6 {
            try await peer.send(.message(stuck, [UInt8](pattern: 16_384)))
          }
          group.addTask {
            let reply = try await client.call(ControlCall(.unary, [.echo]))
            #expect(reply.messages == [[5]])
          }
          let (other, _) = try await peer.readNewStream()
          group.addTask { try await peer.answer(other, [5]) }

          try await clock.waitForSleeper(until: .seconds(40))
          clock.advance(by: .seconds(30))
          // The peer is told.
          while try await peer.nextOrThrow() != .cancel(stuck) {}
          events.happen("stalled")
          try await group.waitForAll()
          client.beginGracefulShutdown()
          while try await peer.next() != nil {}
          try await peer.end()
        }
      }
      #expect(failure == nil)
    }
  }

  @Test(
    "a handler whose writes wait is set free by a cancel, or its deadline",
    arguments: [false, true]
  )
  func blockedHandler(hasDeadline: Bool) async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let recorder = ControlEvents()
    let service = TunnelService(services: [ControlService(events: recorder)], clock: clock.clock)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await peer.send(
        .call(
          1,
          ControlCall(
            .bidirectional,
            [.send(100, size: 100_000)],
            metadata: [ControlKey.cancelled: "cancelled"]
          ),
          window: 65_536,
          timeout: hasDeadline ? "60S" : nil
        )
      )
      // All that the window permits.
      var size = 0
      while size < 65_536 {
        size += try await peer.nextOrThrow().payload?.dataByteCount ?? 0
      }
      #expect(size == 65_536)
      if hasDeadline {
        try await clock.waitForSleeper(until: .seconds(60))
        clock.advance(by: .seconds(60))
        #expect(try await peer.readClose(of: 1).rpcCode == .deadlineExceeded)
      } else {
        try await peer.send(.cancel(1))
      }
      try await recorder.wait(for: "cancelled")
      // The tunnel ends when its handlers have returned.
      peer.halfClose()
      #expect(try await peer.readStatus()?.code == .ok)
    }
  }

  @Test(
    "a caller whose writes wait is set free by its cancellation, or its deadline",
    arguments: [false, true]
  )
  func blockedCaller(hasDeadline: Bool) async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, clock: clock.clock)
      try await withGRPCClient(transport: transport) { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            // Not by the options: those are kept to by GRPCCore too, whose clock is the real one.
            let metadata: Metadata = hasDeadline ? ["grpc-timeout": "20S"] : [:]
            _ = try? await client.clientStreaming(
              request: StreamingClientRequest(metadata: metadata) { writer in
                do {
                  while true {
                    try await writer.write([UInt8](pattern: 100_000))
                  }
                } catch {
                  events.happen("the writer failed")
                  throw error
                }
              },
              descriptor: RPCKind.clientStreaming.controlMethod,
              serializer: RawCoder(),
              deserializer: RawCoder(),
              options: .defaults
            ) { _ in }
          }
          let (peer, _) = try await RawTunnelServer.accept(over: pair)
          try await peer.send(.settings(.zero, .one))
          // All that the window permits.
          var size = 0
          while size < 65_536 {
            size += try await peer.nextOrThrow().payload?.dataByteCount ?? 0
          }
          #expect(size == 65_536)
          if hasDeadline {
            // The timer of the handshake is still slept for.
            try await clock.waitForSleeper(until: .seconds(10))
            clock.advance(by: .seconds(20))
          } else {
            group.cancelAll()
          }
          try await events.wait(for: "the writer failed")
          #expect(try await peer.nextOrThrow() == .cancel(1))
          client.beginGracefulShutdown()
          #expect(try await peer.next() == nil)
          try await peer.end()
        }
      }
    }
  }
}
