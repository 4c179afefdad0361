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

/// A hostile tunnel server: ids, and frames where they have no place (PROTOCOL.md 3, 4 and 7).
@Suite("Hostile servers: the order of frames", .timeLimit(.minutes(5)))
struct ClientStreamOrderTests {
  /// A frame of each kind.
  private static let kinds: [(String, ServerFrame.Payload?)] = [
    ("headers", .responseHeaders([:])),
    ("a message", .responseMessage(MessageEnvelope(size: 1, data: [1]))),
    ("more data", .moreResponseData([1])),
    ("a close", .closeStream(CloseStream(status: WireStatus(code: 5)))),
    ("settings", .settings(Settings())),
    ("a window update", .windowUpdate(.max)),
    ("a drain", .drain(Drain(lastStreamID: 0))),
    ("an unset frame", nil),
  ]

  static let placeCases: [HostileServerCase] = Self.kinds.flatMap { kind, payload in
    let frame = { ServerFrame(streamID: $0, payload: payload) }
    return [
      HostileServerCase("\(kind) of an id that was not used", [frame(2)], .tunnel),
      HostileServerCase("\(kind) of the highest id", [frame(StreamID(rawValue: .max))], .tunnel),
      HostileServerCase("\(kind) of id 0", [frame(0)], .nothing),
      HostileServerCase("\(kind) of id -1", [frame(-1)], .nothing),
      HostileServerCase("\(kind) of id -2", [frame(-2)], .nothing),
      HostileServerCase("\(kind) of the lowest id", [frame(StreamID(rawValue: .min))], .nothing),
      HostileServerCase("\(kind) after the end", [.headers(1), .close(1), frame(1)], .status(.ok)),
      HostileServerCase(
        "\(kind) after a failure",
        [ServerFrame(streamID: 1, payload: nil), frame(1)],
        .stream(1, .internalError)
      ),
    ]
  }

  @Test("frames of other streams", arguments: Self.placeCases, TestTunnel.Direction.allCases)
  func places(hostile: HostileServerCase, direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.check(hostile, direction)
  }

  static let misplacedFrames: [HostileServerCase] =
    [
      HostileServerCase(
        "no frame",
        [ServerFrame(streamID: 1, payload: nil)],
        .stream(1, .internalError)
      ),
      HostileServerCase(
        "an unknown frame",
        bytes: [Wire.frame(1, Wire.field(99, [1, 2, 3]))],
        .stream(1, .internalError)
      ),
      HostileServerCase(
        "settings",
        [ServerFrame(streamID: 1, payload: .settings(Settings()))],
        .stream(1, .internalError)
      ),
      HostileServerCase(
        "a drain",
        [ServerFrame(streamID: 1, payload: .drain(Drain()))],
        .stream(1, .internalError)
      ),
      HostileServerCase("an empty carrier message", bytes: [[]], .nothing),
      HostileServerCase("headers twice", [.headers(1), .headers(1)], .nothing),
      HostileServerCase("a close without a status", [.headers(1), .close(1)], .status(.ok)),
      HostileServerCase("a close alone", [.close(1)], .status(.ok)),
      HostileServerCase(
        "a message before headers",
        [.message(1, [7]), .headers(1), .close(1)],
        .status(.ok)
      ),
    ]
    + [99, 17, -1, .max, .min].map { code in
      HostileServerCase(
        "status \(code)",
        [.close(1, WireStatus(code: code, message: "odd"))],
        .status(.unknown)
      )
    }

  @Test("frames of an open stream", arguments: Self.misplacedFrames, TestTunnel.Direction.allCases)
  func misplaced(hostile: HostileServerCase, direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.check(hostile, direction)
  }

  static let secondSettingCases: [HostileServerCase] = [
    HostileServerCase("the same again", [.settings(.zero, .one)], .nothing),
    HostileServerCase("without revisions", [.settings()], .nothing),
    HostileServerCase("of unknown revisions", [.settings(ProtocolRevision(rawValue: 7))], .nothing),
    HostileServerCase("with a window too large", [.settings(.one, window: .max)], .nothing),
  ]

  @Test("settings again", arguments: Self.secondSettingCases, TestTunnel.Direction.allCases)
  func secondSettings(hostile: HostileServerCase, direction: TestTunnel.Direction) async throws {
    try await TunnelClientUnderTest.check(hostile, direction)
  }
}
