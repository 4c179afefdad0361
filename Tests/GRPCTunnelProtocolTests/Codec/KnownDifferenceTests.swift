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

/// Where SwiftProtobuf reads bytes otherwise than we do, and we mean it.
@Suite("Deliberate differences from SwiftProtobuf")
struct KnownDifferenceTests {
  @Test("A varint above 64 bits is refused, not cut")
  func varintAbove64Bits() throws {
    let bytes = [0x08] + [UInt8](repeating: 0xff, count: 9) + [0x02]
    #expect(throws: FrameDecodingError(.malformedVarint, atOffset: 1)) {
      try ClientFrame(decoding: bytes[...])
    }
    #expect(try ClientFrame.verdict(on: bytes) == .differs(.varintAbove64Bits))
  }

  @Test("A tag of six bytes is refused within groups and map entries, too")
  func longTag() throws {
    let field: [UInt8] = [0x98, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01]
    let group = [0x4b] + field + [0x4c]
    #expect(throws: FrameDecodingError(.malformedTag, atOffset: 1)) {
      try ServerFrame(decoding: group[...])
    }
    #expect(try ServerFrame.verdict(on: group) == .differs(.longTag))

    let entry = WireBytes.delimited(WireBytes.delimited(field, field: 1), field: 2)
    #expect(throws: FrameDecodingError(.malformedTag, atOffset: 4)) {
      try ServerFrame(decoding: entry[...])
    }
    #expect(try ServerFrame.verdict(on: entry) == .differs(.longTag))
  }

  @Test("A mistyped key or value of a map entry is skipped, not read as further tags")
  func mistypedMapEntry() throws {
    // The key as a varint, 7, which SwiftProtobuf takes for a tag of wire type 7.
    let entry: [UInt8] = [0x08, 0x07, 0x0a, 0x01, 0x6b]
    let bytes = WireBytes.delimited(WireBytes.delimited(entry, field: 1), field: 2)
    let frame = try ServerFrame(decoding: bytes[...])
    #expect(frame.payload == .responseHeaders(["k": []]))
    #expect(try ServerFrame.verdict(on: bytes) == .differs(.mistypedMapEntry))
  }
}
