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

/// Elements that are empty cost nothing on the wire but memory here: few are kept, and those are more
/// than any limit on metadata takes.
@Suite("Many elements in one frame")
struct ElementLimitTests {
  /// As many as fit into the largest message that gRPC takes by default.
  private static let size = 4 * 1024 * 1024

  private static let limit = TunnelConfiguration().maximumControlFrameSize

  @Test("empty values of one key")
  func values() throws {
    let values = [UInt8](repeating: 0, count: Self.size).enumerated().map { index, _ in
      index % 2 == 0 ? 0x0a : 0x00 as UInt8
    }
    let bytes = WireBytes.delimited(WireBytes.delimited(values, field: 2), field: 1)
    let metadata = try WireMetadata(decoding: bytes[...])
    #expect(metadata[""].count == WireMetadata.maximumElementCount + 1)
    #expect(metadata.byteCount > Self.limit)
  }

  @Test("empty values of several keys")
  func valuesOfKeys() throws {
    var bytes = WireBytes()
    for key in ["a", "b", "c"] {
      let values = [[UInt8]](repeating: [0x0a, 0x00], count: 20_000).flatMap { $0 }
      bytes.raw(
        WireBytes.delimited(
          WireBytes.delimited(key.utf8, field: 1) + WireBytes.delimited(values, field: 2),
          field: 1
        )
      )
    }
    let metadata = try WireMetadata(decoding: bytes.bytes[...])
    #expect(metadata.entries.map(\.values.count) == [20_000, 20_000])
    #expect(metadata.byteCount > Self.limit)
  }

  @Test("a key that comes again and again takes the place of itself")
  func repeatedKey() throws {
    let entry = WireBytes.delimited(WireBytes.delimited("key".utf8, field: 1), field: 1)
    let bytes = [[UInt8]](repeating: entry, count: 100_000).flatMap { $0 }
    #expect(try WireMetadata(decoding: bytes[...]) == ["key": []])
  }

  @Test("as many as are kept arrive as they are")
  func maximum() throws {
    let values = (0 ..< WireMetadata.maximumElementCount).map { "\($0)" }
    let metadata: WireMetadata = ["key": values]
    #expect(try WireMetadata(decoding: metadata.encoded()[...]) == metadata)
  }

  @Test("empty details of a status")
  func details() throws {
    let bytes = [[UInt8]](repeating: [0x1a, 0x00], count: Self.size / 2).flatMap { $0 }
    let status = try WireStatus(decoding: bytes[...])
    #expect(status.details.count == WireStatus.maximumDetailCount + 1)
    #expect(CloseStream(status: status).byteCount > Self.limit)
  }

  @Test("revisions, packed or not", arguments: [false, true])
  func revisions(isPacked: Bool) throws {
    let count = Settings.maximumRevisionCount
    let bytes = { (count: Int) in
      let one: [UInt8] = isPacked ? [0x01] : [0x08, 0x01]
      let all = [[UInt8]](repeating: one, count: count).flatMap { $0 }
      return isPacked ? WireBytes.delimited(all, field: 1) : all
    }
    let settings = try Settings(decoding: bytes(count)[...])
    #expect(settings.supportedProtocolRevisions == Array(repeating: .one, count: count))
    #expect {
      try Settings(decoding: bytes(count + 1)[...])
    } throws: { error in
      (error as? FrameDecodingError)?.reason == .tooManyRevisions
    }
  }
}
