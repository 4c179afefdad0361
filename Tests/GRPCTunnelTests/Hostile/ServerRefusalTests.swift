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

/// Streams that a tunnel server does not take on, however well they are formed (PROTOCOL.md 7).
@Suite("Hostile clients: streams beyond a limit", .timeLimit(.minutes(5)))
struct ServerRefusalTests {
  private static func readClose(
    of id: StreamID,
    _ server: TunnelServerUnderTest
  ) async throws -> CloseStream {
    let frame = try await server.read { $0.streamID == id && $0.closeStatus != nil }
    guard case .closeStream(let close) = frame.payload else { return CloseStream() }
    return close
  }

  @Test(
    "a stream too many is refused, and told to be unprocessed where that was agreed",
    arguments: TestTunnel.Direction.allCases,
    [true, false]
  )
  func streamLimit(direction: TestTunnel.Direction, isAgreed: Bool) async throws {
    let config = TunnelConfig.defaults { $0.limits.maximumConcurrentStreams = 1 }
    let headers = isAgreed ? Metadata.negotiating(extensions: .refused) : .negotiating
    try await TunnelServerUnderTest.run(direction, config: config, headers: headers) { server in
      try await server.start()
      try await server.send(.call(2, ControlCall(.unary, [.echo])))
      let close = try await Self.readClose(of: 2, server)
      #expect(close.status?.rpcCode == .unavailable)
      #expect(close.status?.message.contains("the limit of 1 concurrent streams") == true)
      #expect(close.unprocessed == isAgreed)
      // Ignored, and no protocol break.
      try await server.send(.message(2, [1]), .halfClose(2))

      try await server.send(.message(1, [7]), .halfClose(1))
      #expect(try await server.readClose(of: 1).rpcCode == .ok)
      #expect(server.messages(on: 1) == [[7]])
      try await server.expectToServe(3)
    }
  }

  @Test("a stream whose fault is its own is not told to be unprocessed")
  func fault() async throws {
    let headers = Metadata.negotiating(extensions: .refused)
    try await TunnelServerUnderTest.run(.forward, headers: headers) { server in
      let tooLarge = ControlCall(
        .unary,
        [.echo],
        metadata: ["large": .string(String(repeating: "x", count: 20_000))]
      )
      try await server.send(.call(1, tooLarge))
      let close = try await Self.readClose(of: 1, server)
      #expect(close.status?.rpcCode == .resourceExhausted)
      #expect(close.status?.message.contains("at most 16384") == true)
      #expect(!close.unprocessed)
      try await server.expectToServe(2)
    }
  }
}
