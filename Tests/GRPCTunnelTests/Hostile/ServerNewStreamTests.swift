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

/// A hostile tunnel client: what starts a stream (PROTOCOL.md 4, 7 and 9).
@Suite("Hostile clients: new streams", .timeLimit(.minutes(5)))
struct ServerNewStreamTests {
  private static func newStream(
    _ method: String = "control.Control/unary",
    headers: WireMetadata = [:],
    revision: ProtocolRevision = .one
  ) -> ClientFrame {
    ClientFrame(
      streamID: 3,
      payload: .newStream(
        NewStream(
          methodName: method,
          requestHeaders: headers,
          initialWindowSize: 65_536,
          protocolRevision: revision
        )
      )
    )
  }

  private static func newStream(_ bytes: [UInt8]) -> [UInt8] {
    Wire.frame(3, Wire.field(2, bytes + Wire.field(4, varint: 1)))
  }

  static let methodCases: [HostileClientCase] =
    [
      "", "/", "//", "control.Control", "/control.Control", "control.Control/", "/control.Control/",
      "//unary", String(repeating: "x", count: 1_000_000),
    ].map { name in
      HostileClientCase(
        "the method '\(name.prefix(20))'",
        [Self.newStream(name)],
        .stream(3, .invalidArgument)
      )
    }
    + [
      "control.Control/none", "none/unary", "control.Control/unary/", "control/Control/unary",
      "control.Control/UNARY", " /unary", "control.Control/\0", "é/漢",
    ].map { name in
      HostileClientCase(
        "the method '\(name)'",
        [Self.newStream(name)],
        .stream(3, .unimplemented)
      )
    }
    + [
      HostileClientCase(
        "a method with a name of 20,000 bytes",
        [Self.newStream("control.Control/" + String(repeating: "x", count: 20_000))],
        .stream(3, .resourceExhausted)
      )
    ]

  @Test("method names", arguments: Self.methodCases, TestTunnel.Direction.allCases)
  func methods(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  static let revisionCases: [HostileClientCase] = [7, 2, -1, .max, .min].map { revision in
    HostileClientCase(
      "revision \(revision)",
      [Self.newStream(revision: ProtocolRevision(rawValue: revision))],
      .stream(3, .unavailable)
    )
  }

  @Test("revisions", arguments: Self.revisionCases, TestTunnel.Direction.allCases)
  func revisions(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  @Test(
    "revision one at a tunnel that was not negotiated",
    arguments: TestTunnel.Direction.allCases
  )
  func unnegotiated(direction: TestTunnel.Direction) async throws {
    let hostile = HostileClientCase("", [Self.newStream()], .stream(3, .unavailable))
    try await TunnelServerUnderTest.check(hostile, direction, headers: [:], revision: .zero)
  }

  static let metadataCases: [HostileClientCase] = [
    HostileClientCase(
      "3 MiB of metadata",
      [Self.newStream(headers: ["key": [String(repeating: "x", count: 3 * 1024 * 1024)]])],
      .stream(3, .resourceExhausted)
    ),
    HostileClientCase(
      "metadata just above the limit",
      [Self.newStream(headers: ["key": [String(repeating: "x", count: 16_384 - 35 - 20)]])],
      .stream(3, .resourceExhausted)
    ),
    HostileClientCase(
      "100,000 keys",
      bytes: [
        Self.newStream(
          Wire.field(1, Array("control.Control/unary".utf8))
            + Wire.field(
              2,
              (0 ..< 100_000).flatMap { number in
                [0x0a, 0x05, 0x0a, 0x03]
                  + [number, number >> 7, number >> 14].map { UInt8($0 & 0x7f) }
              }
            )
        )
      ],
      .stream(3, .resourceExhausted)
    ),
    HostileClientCase(
      "200,000 empty values",
      bytes: [
        Self.newStream(
          Wire.field(1, Array("control.Control/unary".utf8))
            + Wire.field(
              2,
              Wire.field(1, Wire.field(2, Wire.repeated([0x0a, 0x00], count: 200_000)))
            )
        )
      ],
      .stream(3, .resourceExhausted)
    ),
  ]

  @Test("metadata", arguments: Self.metadataCases, TestTunnel.Direction.allCases)
  func metadata(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  static let malformedCases: [HostileClientCase] =
    [
      ("a method", Wire.field(1, Wire.notText)),
      ("a key", Wire.field(2, Wire.metadataEntry(key: Wire.notText, value: []))),
      ("a value", Wire.field(2, Wire.metadataEntry(key: [0x61], value: Wire.notText))),
      (
        "a value of a -bin key",
        Wire.field(2, Wire.metadataEntry(key: Array("x-bin".utf8), value: [0xff]))
      ),
    ].map { name, bytes in
      HostileClientCase("\(name) that is not UTF-8", bytes: [Self.newStream(bytes)], .tunnel)
    } + [
      HostileClientCase("a frame that is cut", bytes: [[0x12, 0x7f, 0x00]], .tunnel),
      HostileClientCase("a frame that is text", bytes: [Array("GET / HTTP/1.1\r\n".utf8)], .tunnel),
      HostileClientCase("a frame of ones", bytes: [Array(repeating: 0xff, count: 100)], .tunnel),
      HostileClientCase("a frame of zeros", bytes: [Array(repeating: 0, count: 100)], .tunnel),
    ]

  @Test("malformed frames", arguments: Self.malformedCases, TestTunnel.Direction.allCases)
  func malformed(hostile: HostileClientCase, direction: TestTunnel.Direction) async throws {
    try await TunnelServerUnderTest.check(hostile, direction)
  }

  @Test(
    "a binary value that is not base64 fails its RPC alone",
    arguments: TestTunnel.Direction.allCases
  )
  func notBase64(direction: TestTunnel.Direction) async throws {
    let hostile = HostileClientCase(
      "",
      [Self.newStream(headers: ["x-bin": ["!!!"]])],
      .stream(3, .internalError)
    )
    try await TunnelServerUnderTest.check(
      hostile,
      direction,
      headers: .negotiating(extensions: .binaryMetadata)
    )
  }

  @Test("headers of the transport never reach a handler", arguments: TestTunnel.Direction.allCases)
  func forgedHeaders(direction: TestTunnel.Direction) async throws {
    let seen = SeenMetadata()
    try await TunnelServerUnderTest.run(direction, interceptors: [seen]) { server in
      let forged = [
        "grpctunnel-negotiate", "grpctunnel-extensions", "GRPCTUNNEL-Tunnel-Id", "grpctunnel-",
        ":path", ":authority", "te", "TE", "content-type", "connection", "host", "grpc-encoding",
        "grpc-status", "grpc-message", "Grpc-Timeout",
      ]
      var headers: WireMetadata = ["x-mine": ["1"], "X-Other": ["2"]]
      for key in forged {
        headers.set(["forged"], forKey: key)
      }
      try await server.send(Self.newStream(headers: headers), .message(3, []), .halfClose(3))
      #expect(try await server.readClose(of: 3).rpcCode == .ok)
      let metadata = try #require(seen.last)
      #expect(Set(metadata.map(\.key)) == ["x-mine", "x-other"])
    }
  }

  @Test(
    "only a strict timeout is one, the last if there are several",
    arguments: [
      (["-5S"], nil), (["-1n"], nil), (["+5S"], nil), (["999999999S"], nil), ([""], nil),
      (["S"], nil), (["5"], nil), (["5s"], nil), ([" 5S"], nil), (["5S "], nil), (["5 S"], nil),
      (["٥S"], nil), (["0x5S"], nil), (["5.5S"], nil), (["9223372036854775807S"], nil),
      (["-9223372036854775808H"], nil), (["99999999S"], "1666667M"), (["99999999H"], "2562047H"),
      (["10000000S"], "166667M"), (["5S", "-5S"], nil), (["-5S", "3600S"], "3600000m"),
      (["1S", "2H"], "7200000m"),
    ] as [([String], String?)],
    TestTunnel.Direction.allCases
  )
  func timeouts(values: ([String], String?), direction: TestTunnel.Direction) async throws {
    let seen = SeenMetadata()
    let clock = ManualClock()
    try await TunnelServerUnderTest.run(
      direction,
      clock: clock.clock,
      interceptors: [seen]
    ) { server in
      try await server.send(
        Self.newStream(headers: ["grpc-timeout": values.0]),
        .message(3, []),
        .halfClose(3)
      )
      #expect(try await server.readClose(of: 3).rpcCode == .ok)
      #expect(try #require(seen.last).strings("grpc-timeout") == (values.1.map { [$0] } ?? []))
    }
  }

  @Test("a timeout that has passed is answered at once", arguments: TestTunnel.Direction.allCases)
  func passedTimeout(direction: TestTunnel.Direction) async throws {
    let clock = ManualClock()
    try await TunnelServerUnderTest.run(direction, clock: clock.clock) { server in
      let stuck = ControlCall(.bidirectional, [.awaitCancellation])
      try await server.send(.call(1, stuck, timeout: "0S"))
      #expect(try await server.readClose(of: 1).rpcCode == .deadlineExceeded)
      try await server.expectToServe(2)
    }
  }
}

/// Remembers the metadata of the last RPC.
private final class SeenMetadata: ServerInterceptor {
  private let metadata = LockedValue<Metadata?>(nil)

  var last: Metadata? {
    self.metadata.withLock { $0 }
  }

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    self.metadata.withLock { $0 = request.metadata }
    return try await next(request, context)
  }
}
