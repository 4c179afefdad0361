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

/// A hostile tunnel client: ids, and frames where they have no place (PROTOCOL.md 4 and 7).
@Suite("Hostile clients: the order of frames", .timeLimit(.minutes(5)))
struct ServerStreamOrderTests {
  private static let echo = ControlCall(.bidirectional, [.echo])

  /// A frame of each kind but `new_stream`.
  private static let kinds: [(String, ClientFrame.Payload?)] = [
    ("a message", .requestMessage(MessageEnvelope(size: 1, data: [1]))),
    ("more data", .moreRequestData([1])),
    ("a half-close", .halfClose),
    ("a cancel", .cancel),
    ("a window update", .windowUpdate(.max)),
    ("an unset frame", nil),
  ]

  static let idCases: [HostileClientCase] =
    [
      HostileClientCase("an id that is in use", [.call(1, Self.echo)], .tunnel),
      HostileClientCase("an id that was used", [.cancel(1), .call(1, Self.echo)], .tunnel),
      HostileClientCase("a decreasing id", [.call(9, Self.echo), .call(8, Self.echo)], .tunnel),
      HostileClientCase("id -1", [.call(-1, Self.echo)], .tunnel),
      HostileClientCase("id -2", [.call(-2, Self.echo)], .tunnel),
      HostileClientCase("the lowest id", [.call(StreamID(rawValue: .min), Self.echo)], .tunnel),
      HostileClientCase("an id below the first", [.call(0, Self.echo)], .tunnel),
      HostileClientCase(
        "skipped ids",
        [.call(100, Self.echo), .halfClose(100)],
        .stream(100, .ok)
      ),
      HostileClientCase(
        "an id behind the highest",
        [.call(StreamID(rawValue: .max), Self.echo), .call(1000, Self.echo)],
        .tunnel
      ),
      HostileClientCase(
        "an id that was refused",
        [.call(9, Self.echo, revision: ProtocolRevision(rawValue: 7)), .call(9, Self.echo)],
        .tunnel
      ),
    ]

  @Test("ids of new streams", arguments: Self.idCases, TestTunnel.Direction.allCases)
  func ids(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  static let placeCases: [HostileClientCase] = Self.kinds.flatMap { kind, payload in
    let frame = { ClientFrame(streamID: $0, payload: payload) }
    return [
      HostileClientCase("\(kind) before its stream", [frame(2)], .tunnel),
      HostileClientCase("\(kind) of the highest id", [frame(StreamID(rawValue: .max))], .tunnel),
      HostileClientCase(
        "\(kind) of a skipped id",
        [.call(100, Self.echo), .cancel(100), frame(50)],
        .nothing
      ),
      HostileClientCase("\(kind) of id -1", [frame(-1)], .nothing),
      HostileClientCase("\(kind) of the lowest id", [frame(StreamID(rawValue: .min))], .nothing),
      HostileClientCase(
        "\(kind) after a cancel",
        [.call(9, Self.echo), .cancel(9), frame(9)],
        .nothing
      ),
      HostileClientCase(
        "\(kind) after a refusal",
        [.call(9, Self.echo, revision: ProtocolRevision(rawValue: 7)), frame(9)],
        .stream(9, .unavailable)
      ),
    ]
  }

  @Test("frames of other streams", arguments: Self.placeCases, TestTunnel.Direction.allCases)
  func places(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  static let misplacedFrames: [HostileClientCase] = [
    HostileClientCase(
      "no frame",
      [ClientFrame(streamID: 1, payload: nil)],
      .stream(1, .internalError)
    ),
    HostileClientCase(
      "an unknown frame",
      bytes: [Wire.frame(1, Wire.field(99, [1, 2, 3]))],
      .stream(1, .internalError)
    ),
    HostileClientCase(
      "a frame of the wrong wire type",
      bytes: [Wire.frame(1, Wire.field(2, varint: 1))],
      .stream(1, .internalError)
    ),
    HostileClientCase("an empty carrier message", bytes: [[]], .nothing),
    HostileClientCase(
      "two half-closes",
      [.halfClose(1), .halfClose(1), .halfClose(1)],
      .stream(1, .ok)
    ),
    HostileClientCase(
      "data after a half-close",
      [
        .halfClose(1), .message(1, [1]), ClientFrame(streamID: 1, payload: .moreRequestData([1])),
        ClientFrame(
          streamID: 1,
          payload: .requestMessage(MessageEnvelope(size: .max, data: []))
        ),
      ],
      .stream(1, .ok)
    ),
  ]

  @Test("frames of an open stream", arguments: Self.misplacedFrames, TestTunnel.Direction.allCases)
  func misplaced(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  /// In its own right: at a tunnel without streams every id is above the highest.
  @Test("frames before any stream", arguments: TestTunnel.Direction.allCases)
  func nothingStarted(direction: TestTunnel.Direction) async throws {
    for (_, payload) in Self.kinds {
      try await TunnelServerUnderTest.run(direction) { server in
        try await server.send(ClientFrame(streamID: 0, payload: payload))
        try await server.expectTheEnd()
      }
    }
  }
}
