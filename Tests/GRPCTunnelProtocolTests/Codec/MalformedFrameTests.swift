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

internal import GRPCTunnelProtocol
internal import Testing

/// One case for each way in which a message can be malformed.
@Suite("Malformed frames")
struct MalformedFrameTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var bytes: [UInt8]
    var error: FrameDecodingError

    init(
      _ description: String,
      _ bytes: [UInt8],
      _ reason: FrameDecodingError.Reason,
      at offset: Int
    ) {
      self.testDescription = description
      self.bytes = bytes
      self.error = FrameDecodingError(reason, atOffset: offset)
    }
  }

  /// Of `ServerToClient`, refused by SwiftProtobuf as well.
  static let cases: [Case] = [
    Case("tag cut", [0x80], .truncated, at: 1),
    Case("varint missing", [0x08], .truncated, at: 1),
    Case("varint cut", [0x08, 0xff, 0xff], .truncated, at: 3),
    Case(
      "varint of eleven bytes",
      [0x08] + [UInt8](repeating: 0x80, count: 10) + [0],
      .malformedVarint,
      at: 1
    ),
    Case(
      "unknown varint of eleven bytes",
      [0x48] + [UInt8](repeating: 0x80, count: 10) + [0],
      .malformedVarint,
      at: 1
    ),
    Case("field number 0", [0x00, 0x00], .invalidFieldNumber, at: 0),
    Case("field number 0, padded", [0x80, 0x00, 0x00], .invalidFieldNumber, at: 0),
    Case("wire type 6", [0x0e, 0x00], .invalidWireType, at: 0),
    Case("wire type 7", [0x0f, 0x00], .invalidWireType, at: 0),
    Case("field number 2^29", [0x80, 0x80, 0x80, 0x80, 0x10, 0x00], .malformedTag, at: 0),
    Case("tag of six bytes", [0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01], .malformedTag, at: 0),
    Case("length above what is left", [0x22, 0x03, 0x01, 0x02], .truncated, at: 2),
    Case(
      "length of 2^64-1",
      [0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      .truncated,
      at: 11
    ),
    Case(
      "length of 2^63-1",
      [0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      .truncated,
      at: 10
    ),
    Case("unknown length above what is left", [0x4a, 0x02, 0x00], .truncated, at: 2),
    Case("fixed64 cut", [0x49, 1, 2, 3, 4, 5, 6, 7], .truncated, at: 1),
    Case("fixed32 cut", [0x4d, 1, 2, 3], .truncated, at: 1),
    Case("known field as fixed64, cut", [0x09, 1, 2, 3, 4, 5, 6, 7], .truncated, at: 1),
    Case("group not ended", [0x4b, 0x08, 0x01], .truncated, at: 3),
    Case("group ended as another", [0x4b, 0x54], .unbalancedGroup, at: 1),
    Case("group ended that did not start", [0x4c], .unbalancedGroup, at: 0),
    Case("group that leaves its message", [0x12, 0x01, 0x4b, 0x4c], .truncated, at: 3),
    Case("groups 100 deep", WireBytes.groups(depth: 100), .nestedTooDeeply, at: 200),
    Case("message longer than the one around", [0x1a, 0x02, 0x12, 0x01], .truncated, at: 4),
    Case("window update without a value", [0x08, 0x01, 0x38], .truncated, at: 3),
    Case("data without a length", [0x22], .truncated, at: 1),
    Case("packed revision cut", [0x32, 0x03, 0x0a, 0x01, 0x80], .truncated, at: 5),
    Case(
      "revisions longer than the settings",
      [0x32, 0x02, 0x0a, 0x01, 0x01],
      .truncated,
      at: 4
    ),
    Case("map entry cut", [0x12, 0x02, 0x0a, 0x01, 0x00], .truncated, at: 4),
    Case("map entry with garbage", [0x12, 0x03, 0x0a, 0x01, 0x00], .invalidFieldNumber, at: 4),
    Case(
      "map entry with the end of a group",
      [0x12, 0x03, 0x0a, 0x01, 0x0c],
      .unbalancedGroup,
      at: 4
    ),
    Case(
      "metadata key",
      [0x12, 0x05, 0x0a, 0x03, 0x0a, 0x01, 0xff],
      .invalidUTF8(.metadataKey),
      at: 6
    ),
    Case(
      "metadata value",
      [0x12, 0x07, 0x0a, 0x05, 0x12, 0x03, 0x0a, 0x01, 0xc3],
      .invalidUTF8(.metadataValue),
      at: 8
    ),
    Case(
      "status message, a surrogate",
      [0x2a, 0x07, 0x12, 0x05, 0x12, 0x03, 0xed, 0xa0, 0x80],
      .invalidUTF8(.statusMessage),
      at: 6
    ),
    Case(
      "type URL, an overlong NUL",
      [0x2a, 0x08, 0x12, 0x06, 0x1a, 0x04, 0x0a, 0x02, 0xc0, 0x80],
      .invalidUTF8(.detailTypeURL),
      at: 8
    ),
  ]

  @Test("Refused with the reason", arguments: Self.cases)
  func refused(_ malformed: Case) {
    #expect(throws: malformed.error) {
      try ServerFrame(decoding: malformed.bytes[...])
    }
    #expect(throws: malformed.error) {
      try malformed.bytes.withUnsafeBytes { try ServerFrame(decoding: $0) }
    }
    #expect(throws: (any Error).self) {
      try ServerFrame.decodeReference(malformed.bytes)
    }
  }

  @Test("A method name that is not UTF-8")
  func methodName() {
    let bytes: [UInt8] = [0x12, 0x03, 0x0a, 0x01, 0x80]
    #expect(throws: FrameDecodingError(.invalidUTF8(.methodName), atOffset: 4)) {
      try ClientFrame(decoding: bytes[...])
    }
    #expect(throws: (any Error).self) {
      try ClientFrame.decodeReference(bytes)
    }
  }

  @Test("Garbage within half_close and cancel", arguments: [0x2a, 0x32] as [UInt8])
  func garbageInEmpty(tag: UInt8) throws {
    #expect(throws: FrameDecodingError(.invalidWireType, atOffset: 2)) {
      try ClientFrame(decoding: [tag, 0x01, 0x0f])
    }
    #expect(try ClientFrame.verdict(on: [tag, 0x01, 0x0f]) == .bothRefuse)
    // Fields that nobody knows are no garbage.
    #expect(try ClientFrame.verdict(on: [tag, 0x02, 0x08, 0x01]) == .sameValue)
  }

  @Test("Groups may nest as deep as SwiftProtobuf allows", arguments: [1, 50, 97, 98, 99])
  func deepGroups(depth: Int) throws {
    let groups = WireBytes.groups(depth: depth)
    #expect(try ServerFrame(decoding: groups[...]) == ServerFrame())
    #expect(try ServerFrame.verdict(on: groups) == .sameValue)
    // Messages around them count, map entries do not.
    for fields in [[5], [2], [2, 1], [5, 1], [5, 1, 1], [5, 2], [5, 2, 3]] as [[UInt32]] {
      let nested = fields.reversed().reduce(groups) { WireBytes.delimited($0, field: $1) }
      let verdict = try ServerFrame.verdict(on: nested)
      #expect(verdict == .sameValue || verdict == .bothRefuse, "\(fields)")
    }
  }

  @Test("Every reason says what is wrong")
  func descriptions() {
    let descriptions = Set(Self.cases.map { $0.error.reason.description })
    #expect(descriptions.count == Set(Self.cases.map { $0.error.reason }).count)
    #expect(
      FrameDecodingError(.invalidUTF8(.metadataValue), atOffset: 8).description
        == "invalid UTF-8 in Metadata.Values.val at byte 8"
    )
  }
}
