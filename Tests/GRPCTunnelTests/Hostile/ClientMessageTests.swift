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

/// A hostile tunnel server: messages, windows and metadata (PROTOCOL.md 5, 6 and 9).
@Suite("Hostile servers: messages and windows", .timeLimit(.minutes(5)))
struct ClientMessageTests {
  private static func envelope(_ size: UInt32, _ data: ArraySlice<UInt8> = []) -> ServerFrame {
    ServerFrame(streamID: 1, payload: .responseMessage(MessageEnvelope(size: size, data: data)))
  }

  private static func more(_ data: ArraySlice<UInt8>) -> ServerFrame {
    ServerFrame(streamID: 1, payload: .moreResponseData(data))
  }

  private static func update(_ increment: UInt32) -> ServerFrame {
    ServerFrame(streamID: 1, payload: .windowUpdate(increment))
  }

  private static func bytes(_ count: Int) -> ArraySlice<UInt8> {
    [UInt8](pattern: count)[...]
  }

  static let envelopeCases: [HostileServerCase] = [
    HostileServerCase(
      "a message within another",
      [Self.envelope(5, [1]), Self.envelope(1, [1])],
      .stream(1, .internalError)
    ),
    HostileServerCase("data without a message", [Self.more([1])], .stream(1, .internalError)),
    HostileServerCase("no data without a message", [Self.more([])], .stream(1, .internalError)),
    HostileServerCase(
      "data behind a complete message",
      [Self.envelope(1, [1]), Self.more([2])],
      .stream(1, .internalError)
    ),
    HostileServerCase(
      "more data than announced, at once",
      [Self.envelope(2, [1, 2, 3])],
      .stream(1, .internalError)
    ),
    HostileServerCase(
      "more data than announced, later",
      [Self.envelope(3, [1, 2]), Self.more([3, 4])],
      .stream(1, .internalError)
    ),
    HostileServerCase(
      "OK within a message",
      [Self.envelope(3, [1, 2]), .close(1)],
      .stream(1, .internalError)
    ),
    HostileServerCase(
      "an error within a message",
      [Self.envelope(3, [1, 2]), .close(1, WireStatus(code: 5, message: "gone"))],
      .status(.notFound)
    ),
    HostileServerCase("a claim of 4 GiB", [Self.envelope(.max)], .stream(1, .resourceExhausted)),
    HostileServerCase(
      "a message just above the limit",
      [Self.envelope(4 * 1024 * 1024 + 1)],
      .stream(1, .resourceExhausted)
    ),
  ]

  @Test("envelopes", arguments: Self.envelopeCases, TestTunnel.Direction.allCases)
  func envelopes(hostile: HostileServerCase, direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.check(hostile, direction)
  }

  @Test("envelopes at revision zero", arguments: Self.envelopeCases)
  func envelopesAtRevisionZero(hostile: HostileServerCase) async throws {
    try await TunnelClientUnderTest.check(hostile, .forward, settings: [.settings(.zero)])
  }

  static let windowCases: [HostileServerCase] = [
    HostileServerCase(
      "a chunk above the window",
      [Self.envelope(65_537, Self.bytes(65_537))],
      .stream(1, .resourceExhausted)
    ),
    HostileServerCase(
      "a window grown past its maximum",
      [Self.update(2_147_483_647)],
      .stream(1, .internalError)
    ),
    HostileServerCase("the largest update", [Self.update(.max)], .stream(1, .internalError)),
    HostileServerCase("updates of 0", Array(repeating: Self.update(0), count: 1000), .nothing),
    HostileServerCase(
      "a message too many that nobody reads",
      // The first one is read together with the headers, by GRPCCore.
      [
        Self.envelope(1, [1]), Self.envelope(65_535, Self.bytes(65_535)), Self.envelope(2, [1, 2]),
      ],
      .stream(1, .resourceExhausted),
      isRead: false
    ),
  ]

  @Test("windows", arguments: Self.windowCases, TestTunnel.Direction.allCases)
  func windows(hostile: HostileServerCase, direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.check(hostile, direction)
  }

  @Test("a chunk of 60,000 bytes arrives", arguments: TestTunnel.Direction.allCases)
  func longChunk(direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.run(direction) { client in
      async let reply = client.call()
      let (id, _) = try await client.peer.readNewStream()
      #expect(id == 1)
      try await client.send(.headers(1), Self.envelope(60_000, Self.bytes(60_000)), .close(1))
      #expect(try await reply.messages == [[UInt8](pattern: 60_000)])
    }
  }

  static let metadataCases: [HostileServerCase] = [
    HostileServerCase(
      "headers of 3 MiB",
      [
        ServerFrame(
          streamID: 1,
          payload: .responseHeaders(["key": [String(repeating: "x", count: 3 * 1024 * 1024)]])
        )
      ],
      .stream(1, .resourceExhausted)
    ),
    HostileServerCase(
      "trailers of 3 MiB",
      [
        ServerFrame(
          streamID: 1,
          payload: .closeStream(
            CloseStream(
              responseTrailers: ["key": [String(repeating: "x", count: 3 * 1024 * 1024)]],
              status: WireStatus(code: 5)
            )
          )
        )
      ],
      .stream(1, .resourceExhausted)
    ),
    HostileServerCase(
      "a status with a message of 3 MiB",
      [.close(1, WireStatus(code: 5, message: String(repeating: "x", count: 3 * 1024 * 1024)))],
      .stream(1, .resourceExhausted)
    ),
    HostileServerCase(
      "200,000 empty details",
      bytes: [
        Wire.frame(1, Wire.field(5, Wire.field(2, Wire.repeated([0x1a, 0x00], count: 200_000))))
      ],
      .stream(1, .resourceExhausted)
    ),
    HostileServerCase(
      "200,000 empty values",
      bytes: [
        Wire.frame(
          1,
          Wire.field(
            2,
            Wire.field(1, Wire.field(2, Wire.repeated([0x0a, 0x00], count: 200_000)))
          )
        )
      ],
      .stream(1, .resourceExhausted)
    ),
  ]

  @Test("metadata", arguments: Self.metadataCases, TestTunnel.Direction.allCases)
  func metadata(hostile: HostileServerCase, direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.check(hostile, direction)
  }

  static let malformedCases: [HostileServerCase] =
    [
      ("a header's key", Wire.field(2, Wire.metadataEntry(key: Wire.notText, value: []))),
      ("a header's value", Wire.field(2, Wire.metadataEntry(key: [0x61], value: Wire.notText))),
      (
        "a trailer's key",
        Wire.field(5, Wire.field(1, Wire.metadataEntry(key: Wire.notText, value: [])))
      ),
      (
        "a trailer's value",
        Wire.field(5, Wire.field(1, Wire.metadataEntry(key: [0x61], value: Wire.notText)))
      ),
      ("a status's message", Wire.field(5, Wire.field(2, Wire.field(2, Wire.notText)))),
      (
        "a detail's type",
        Wire.field(5, Wire.field(2, Wire.field(3, Wire.field(1, Wire.notText))))
      ),
    ].map { name, bytes in
      HostileServerCase("\(name) that is not UTF-8", bytes: [Wire.frame(1, bytes)], .tunnel)
    } + [
      HostileServerCase("a frame that is cut", bytes: [[0x12, 0x7f, 0x00]], .tunnel),
      HostileServerCase("a frame that is text", bytes: [Array("HTTP/1.1 200\r\n".utf8)], .tunnel),
      HostileServerCase("a frame of ones", bytes: [Array(repeating: 0xff, count: 100)], .tunnel),
      HostileServerCase(
        "settings of 2,000 revisions",
        bytes: [Wire.frame(-1, Wire.field(6, Wire.field(1, Wire.repeated([1], count: 2000))))],
        .tunnel
      ),
    ]

  @Test("malformed frames", arguments: Self.malformedCases, TestTunnel.Direction.allCases)
  func malformed(hostile: HostileServerCase, direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.check(hostile, direction)
  }

  @Test("headers of the transport never reach a caller", arguments: TestTunnel.Direction.allCases)
  func forgedHeaders(direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.run(direction) { client in
      let forged: WireMetadata = [
        "x-mine": ["1"], "grpctunnel-negotiate": ["off"], "GrpcTunnel-Tunnel-Id": ["forged"],
        "grpctunnel-extensions": ["drain"], "grpc-status": ["0"], "grpc-message": ["forged"],
        ":status": ["500"], "content-type": ["text/html"],
      ]
      async let reply = client.call()
      let (id, _) = try await client.peer.readNewStream()
      #expect(id == 1)
      let close = CloseStream(responseTrailers: forged, status: WireStatus(code: 5))
      try await client.send(
        ServerFrame(streamID: 1, payload: .responseHeaders(forged)),
        ServerFrame(streamID: 1, payload: .closeStream(close))
      )
      let outcome = try await reply
      #expect(outcome.code == .notFound)
      for metadata in [outcome.metadata, outcome.trailers] {
        #expect(metadata.contains { $0.key == "x-mine" })
        let keys = metadata.map(\.key).filter { $0 != "x-mine" && $0 != "grpctunnel-tunnel-id" }
        #expect(keys.isEmpty)
        #expect(!metadata.contains { $0.value.encoded() == "forged" })
      }
    }
  }

  @Test("a peer without the extension cannot say that a stream was not processed")
  func unfoundedClaim() async throws {
    try await TunnelClientUnderTest.run(.forward) { client in
      async let reply = client.call()
      let (id, _) = try await client.peer.readNewStream()
      #expect(id == 1)
      let status = WireStatus(code: Int32(Status.Code.unavailable.rawValue))
      let close = CloseStream(status: status, unprocessed: true)
      try await client.send(ServerFrame(streamID: 1, payload: .closeStream(close)))
      #expect(try await reply.code == .unavailable)
      try await client.expectToCall()
    }
  }
}
