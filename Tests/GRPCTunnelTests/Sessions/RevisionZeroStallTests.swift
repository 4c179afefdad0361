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

/// PROTOCOL.md 6: at revision zero a receiver that cannot take more stops reading the carrier; such a
/// stall is bounded by the RPC's deadline and a stall limit that ends the stream nobody reads.
@Suite("Stalls at revision zero, in both directions", .timeLimit(.minutes(5)))
struct RevisionZeroStallTests {
  /// Which of the two bounds comes first, and what the RPC ends with.
  enum Bound: CaseIterable {
    case stallLimit
    case deadline

    var timeout: String? {
      self == .deadline ? "20S" : nil
    }

    var time: Duration {
      self == .deadline ? .seconds(20) : .seconds(30)
    }

    var code: Status.Code {
      self == .deadline ? .deadlineExceeded : .resourceExhausted
    }
  }

  // PROTOCOL.md 6: such a stall is bounded by the RPC's deadline and a stall limit (default 30 s).
  @Test(
    "a handler that does not read holds up others until its deadline, or for 30 s",
    arguments: TestTunnel.Direction.allCases,
    Bound.allCases
  )
  func handler(direction: TestTunnel.Direction, bound: Bound) async throws {
    let clock = ManualClock()
    let events = ControlEvents()
    var tunnel = RawTunnel(direction: direction)
    tunnel.headers = [:]
    tunnel.clock = clock.clock
    try await tunnel.withOurServer(offering: [ControlService(events: events)]) { peer in
      try await peer.send(
        .call(
          1,
          ControlCall(
            .clientStreaming,
            [.signal("started"), .wait("let go")],
            metadata: [ControlKey.cancelled: "cancelled"]
          ),
          revision: .zero,
          timeout: bound.timeout
        )
      )
      try await events.wait(for: "started")
      for _ in 0 ..< 5 {
        try await peer.send(.message(1, [UInt8](pattern: 16_384)))
      }
      // Behind it: not seen before the stall has ended.
      try await peer.send(.call(2, ControlCall(.unary, [.echo]), revision: .zero))
      try await peer.send(.message(2, [1]))
      try await peer.send(.halfClose(2))

      try await clock.passHandshake(before: bound.time)
      clock.advance(by: bound.time - .seconds(10))
      #expect(try await peer.readClose(of: 1).rpcCode == bound.code)
      #expect(try await peer.readClose(of: 2).rpcCode == .ok)
      try await events.wait(for: "cancelled")
      events.happen("let go")
    }
  }

  @Test("a stall ends with its reader, and nothing fails", arguments: TestTunnel.Direction.allCases)
  func readInTime(direction: TestTunnel.Direction) async throws {
    let clock = ManualClock()
    let events = ControlEvents()
    var tunnel = RawTunnel(direction: direction)
    tunnel.headers = [:]
    tunnel.clock = clock.clock
    try await tunnel.withOurServer(offering: [ControlService(events: events)]) { peer in
      try await peer.send(
        .call(
          1,
          ControlCall(.clientStreaming, [.signal("started"), .wait("read"), .count]),
          revision: .zero
        )
      )
      try await events.wait(for: "started")
      for _ in 0 ..< 5 {
        try await peer.send(.message(1, [UInt8](pattern: 16_384)))
      }
      try await peer.send(.halfClose(1))
      try await clock.passHandshake(before: .seconds(30))
      clock.advance(by: .seconds(19))
      events.happen("read")
      #expect(try await peer.readClose(of: 1).rpcCode == .ok)
    }
  }
}
