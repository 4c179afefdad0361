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

/// A hostile tunnel client: messages and windows (PROTOCOL.md 5 and 6).
@Suite("Hostile clients: messages and windows", .timeLimit(.minutes(5)))
struct ServerMessageTests {
  private static func envelope(_ size: UInt32, _ data: ArraySlice<UInt8> = []) -> ClientFrame {
    ClientFrame(streamID: 1, payload: .requestMessage(MessageEnvelope(size: size, data: data)))
  }

  private static func more(_ data: ArraySlice<UInt8>) -> ClientFrame {
    ClientFrame(streamID: 1, payload: .moreRequestData(data))
  }

  private static func update(_ increment: UInt32) -> ClientFrame {
    ClientFrame(streamID: 1, payload: .windowUpdate(increment))
  }

  private static func bytes(_ count: Int) -> ArraySlice<UInt8> {
    [UInt8](pattern: count)[...]
  }

  static let envelopeCases: [HostileClientCase] = [
    HostileClientCase(
      "a message within another",
      [Self.envelope(5, [1]), Self.envelope(1, [1])],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase(
      "an empty message within another",
      [Self.envelope(5, [1]), Self.envelope(0)],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase("data without a message", [Self.more([1])], .stream(1, .invalidArgument)),
    HostileClientCase("no data without a message", [Self.more([])], .stream(1, .invalidArgument)),
    HostileClientCase(
      "data behind a complete message",
      [Self.envelope(1, [1]), Self.more([2])],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase(
      "data behind an empty message",
      [Self.envelope(0), Self.more([2])],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase(
      "more data than announced, at once",
      [Self.envelope(2, [1, 2, 3])],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase(
      "more data than announced, later",
      [Self.envelope(3, [1, 2]), Self.more([3, 4])],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase(
      "a half-close within a message",
      [Self.envelope(3, [1, 2]), .halfClose(1)],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase(
      "a half-close before the data of a message",
      [Self.envelope(3), .halfClose(1)],
      .stream(1, .invalidArgument)
    ),
    HostileClientCase("a claim of 4 GiB", [Self.envelope(.max)], .stream(1, .resourceExhausted)),
    HostileClientCase(
      "a message just above the limit",
      [Self.envelope(4 * 1024 * 1024 + 1)],
      .stream(1, .resourceExhausted)
    ),
  ]

  @Test("envelopes", arguments: Self.envelopeCases, TestTunnel.Direction.allCases)
  func envelopes(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  @Test("envelopes at revision zero", arguments: Self.envelopeCases)
  func envelopesAtRevisionZero(hostile: HostileClientCase) async throws {
    var hostile = hostile
    hostile.isRead = true
    try await TunnelServerUnderTest.check(hostile, .forward, revision: .zero)
  }

  static let windowCases: [HostileClientCase] = [
    HostileClientCase(
      "a chunk above the window",
      [Self.envelope(65_537, Self.bytes(65_537))],
      .stream(1, .resourceExhausted)
    ),
    HostileClientCase(
      "a message too many that nobody reads",
      [Self.envelope(65_536, Self.bytes(65_536)), Self.envelope(1, [1])],
      .stream(1, .resourceExhausted),
      isRead: false
    ),
    HostileClientCase(
      "a chunk too many of a message that nobody reads",
      [Self.envelope(70_000, Self.bytes(60_000)), Self.more(Self.bytes(5_537))],
      .stream(1, .resourceExhausted),
      isRead: false
    ),
    HostileClientCase(
      "a window grown past its maximum",
      [Self.update(2_147_483_647 - 65_536 + 1)],
      .stream(1, .internalError)
    ),
    HostileClientCase(
      "a window grown past its maximum in steps",
      [Self.update(2_147_483_647 - 65_536), Self.update(1)],
      .stream(1, .internalError)
    ),
    HostileClientCase("the largest update", [Self.update(.max)], .stream(1, .internalError)),
    HostileClientCase(
      "a window grown to its maximum",
      [Self.update(2_147_483_647 - 65_536)],
      .nothing
    ),
    HostileClientCase("updates of 0", Array(repeating: Self.update(0), count: 1000), .nothing),
    HostileClientCase(
      "an update of more than 32 bits, which protobuf cuts",
      bytes: [Wire.frame(1, Wire.field(7, varint: 1 << 32 | 1))],
      .nothing
    ),
    HostileClientCase(
      "an initial window above 2^31-1",
      [.call(3, ControlCall(.bidirectional, [.echo]), window: 2_147_483_648)],
      .stream(3, .invalidArgument)
    ),
    HostileClientCase(
      "the largest initial window",
      [.call(3, ControlCall(.bidirectional, [.echo]), window: .max)],
      .stream(3, .invalidArgument)
    ),
  ]

  @Test("windows", arguments: Self.windowCases, TestTunnel.Direction.allCases)
  func windows(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  @Test("a chunk of 60,000 bytes arrives", arguments: TestTunnel.Direction.allCases)
  func longChunk(direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.run(direction) { server in
      try await server.start()
      try await server.send(Self.envelope(60_000, Self.bytes(60_000)), .halfClose(1))
      #expect(try await server.readClose(of: 1).rpcCode == .ok)
      #expect(server.messages(on: 1) == [[UInt8](pattern: 60_000)])
    }
  }

  @Test("with an initial window of 0 nothing leaves before there is an update")
  func initialWindowOfZero() async throws {
    try await TunnelServerUnderTest.run(.forward) { server in
      try await server.send(
        .call(1, ControlCall(.bidirectional, [.echo]), window: 0),
        .message(1, [1, 2, 3]),
        .halfClose(1)
      )
      // Whatever else comes, no data does.
      try await server.expectToServe(2)
      #expect(server.messages(on: 1).isEmpty)
      try await server.send(Self.update(3))
      #expect(try await server.readClose(of: 1).rpcCode == .ok)
      #expect(server.messages(on: 1) == [[1, 2, 3]])
    }
  }

  @Test("at revision zero windows mean nothing", arguments: TestTunnel.Direction.allCases)
  func windowsAtRevisionZero(direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.run(direction) { server in
      let call = ControlCall(.bidirectional, [.echo])
      try await server.send(
        .call(1, call, revision: .zero, window: .max),
        Self.update(.max),
        Self.update(.max),
        Self.envelope(100_000, Self.bytes(100_000)),
        .halfClose(1)
      )
      #expect(try await server.readClose(of: 1).rpcCode == .ok)
      #expect(server.messages(on: 1) == [[UInt8](pattern: 100_000)])
    }
  }
}
