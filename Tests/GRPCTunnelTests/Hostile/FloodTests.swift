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

/// Peers that send far too much of what costs nothing.
@Suite("Hostile peers: floods", .timeLimit(.minutes(5)))
struct FloodTests {
  @Test("100,000 new streams that are never finished")
  func newStreams() async throws {
    let count: Int64 = 100_000
    try await TunnelServerUnderTest.run(.forward) { server in
      let newStream = ClientFrame.call(0, ControlCall(.bidirectional, [.awaitCancellation]))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for id in 1 ... count {
            let frame = ClientFrame(streamID: StreamID(rawValue: id), payload: newStream.payload)
            try await server.peer.send(frame)
          }
        }
        let status = try await server.readClose(of: StreamID(rawValue: count))
        #expect(status.rpcCode == .unavailable)
        #expect(status.message.contains("1000"))
        #expect(server.closes.count == 99_000)
        try await group.waitForAll()
      }
      for id in 1 ... 1000 {
        try await server.send(.cancel(StreamID(rawValue: Int64(id))))
      }
      try await server.expectToServe(StreamID(rawValue: count + 1))
    }
  }

  @Test("100,000 empty messages that no handler reads")
  func emptyRequests() async throws {
    try await TunnelServerUnderTest.run(.forward) { server in
      try await server.start(isRead: false)
      let bytes = ClientFrame.message(1, []).encoded()
      try await server.peer.send(bytes: bytes, count: 100_000)
      let status = try await server.readClose(of: 1)
      #expect(status.rpcCode == .resourceExhausted)
      #expect(status.message.contains("16384"))
      try await server.events.wait(for: "cancelled")
      server.events.happen("read")
      try await server.expectToServe(2)
    }
  }

  @Test("100,000 empty messages that no caller reads")
  func emptyResponses() async throws {
    try await TunnelClientUnderTest.run(.reverse) { client in
      async let reply = client.call(isRead: false)
      let (id, _) = try await client.peer.readNewStream()
      try await client.send(.headers(id))
      let bytes = ServerFrame.message(id, []).encoded()
      try await client.peer.send(bytes: bytes, count: 100_000)
      try await client.read(until: .cancel(id))
      client.events.happen("read")
      #expect(try await reply.code == .resourceExhausted)
      try await client.expectToCall()
    }
  }

  @Test("at revision zero, empty messages stop the reading of the carrier, and that not for ever")
  func emptyMessagesAtRevisionZero() async throws {
    let clock = ManualClock()
    try await TunnelServerUnderTest.run(.forward, clock: clock.clock) { server in
      try await server.start(isRead: false, revision: .zero)
      // A little more than is taken before the carrier is not read any more, and than fits into it.
      let bytes = ClientFrame.message(1, []).encoded()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await server.peer.send(bytes: bytes, count: 100_000)
        }
        try await clock.waitForSleeper(until: .seconds(30))
        clock.advance(by: .seconds(30))
        #expect(try await server.readClose(of: 1).rpcCode == .resourceExhausted)
        try await group.waitForAll()
      }
      server.events.happen("read")
      try await server.expectToServe(2, revision: .zero)
    }
  }

  @Test("streams that are started and cancelled at once cannot pile up handlers")
  func rapidReset() async throws {
    let config = TunnelConfig.defaults { $0.limits.maximumConcurrentStreams = 10 }
    try await TunnelServerUnderTest.run(.forward, config: config) { server in
      // Handlers that do not heed their cancellation.
      let stuck = ControlCall(.clientStreaming, [.wait("let go")])
      for id in 1 ... 1000 as ClosedRange<Int64> {
        let id = StreamID(rawValue: id)
        try await server.send(.call(id, stuck), .cancel(id))
      }
      // As many again as may be open run behind the end of their streams; the others were refused.
      for id in 21 ... 1000 as ClosedRange<Int64> {
        #expect(try await server.readClose(of: StreamID(rawValue: id)).rpcCode == .unavailable)
      }
      #expect(server.closes.count == 980)
      server.events.happen("let go")
    }
  }

  @Test("window updates, and frames of streams that have ended, cost nothing")
  func trifles() async throws {
    try await TunnelServerUnderTest.run(.forward) { server in
      try await server.start()
      let update = ClientFrame(streamID: 1, payload: .windowUpdate(1)).encoded()
      let stray = ClientFrame.message(0, [1]).encoded()
      for _ in 0 ..< 20_000 {
        try await server.peer.send(bytes: update)
        try await server.peer.send(bytes: stray)
      }
      try await server.send(.halfClose(1))
      #expect(try await server.readClose(of: 1).rpcCode == .ok)
      try await server.expectToServe(2)
    }
  }

  @Test("liveness probes without end are answered one by one")
  func probes() async throws {
    try await TunnelServerUnderTest.run(.forward) { server in
      let probe = ClientFrame.Payload.newStream(
        NewStream(
          methodName: TunnelServerStateMachine.probeMethod,
          initialWindowSize: 65_536,
          protocolRevision: .one
        )
      )
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for id in 1 ... 20_000 as ClosedRange<Int64> {
            try await server.send(ClientFrame(streamID: StreamID(rawValue: id), payload: probe))
          }
        }
        #expect(try await server.readClose(of: 20_000).rpcCode == .ok)
        try await group.waitForAll()
      }
      try await server.expectToServe(20_001)
    }
  }
}
