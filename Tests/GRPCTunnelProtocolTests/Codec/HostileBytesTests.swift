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
internal import TunnelSimulation

/// Bytes that are hardly frames any more: both decoders refuse the same ones, and neither traps.
@Suite("Hostile bytes")
struct HostileBytesTests {
  @Test("Every truncation", arguments: 0 ..< 8 as Range<UInt64>)
  func truncated(seed: UInt64) throws {
    var generator = SeededGenerator(seed: 1000 + seed)
    var tally = VerdictTally()
    for _ in 0 ..< 25 {
      let clientBytes = ClientFrame.random(using: &generator).encoded()
      for count in 0 ..< min(clientBytes.count, 400) {
        try tally.judge(ClientFrame.self, Array(clientBytes[..<count]))
      }
      let serverBytes = ServerFrame.random(using: &generator).encoded()
      for count in 0 ..< min(serverBytes.count, 400) {
        try tally.judge(ServerFrame.self, Array(serverBytes[..<count]))
      }
    }

    #expect(tally.sameValue + tally.bothRefuse == tally.total)
    #expect(tally.bothRefuse > tally.total / 2)
  }

  @Test("Mutated frames", arguments: 0 ..< 16 as Range<UInt64>)
  func mutated(seed: UInt64) throws {
    var generator = SeededGenerator(seed: 2000 + seed)
    var tally = VerdictTally()
    for _ in 0 ..< 250 {
      let client = ClientFrame.random(using: &generator).encoded()
      try tally.judge(ClientFrame.self, generator.mutate(client))
      let server = ServerFrame.random(using: &generator).encoded()
      try tally.judge(ServerFrame.self, generator.mutate(server))
    }
    tally.expectFewDifferences()
  }

  @Test("Mutated odd encodings", arguments: 0 ..< 16 as Range<UInt64>)
  func mutatedOddEncodings(seed: UInt64) throws {
    var generator = SeededGenerator(seed: 3000 + seed)
    var tally = VerdictTally()
    for _ in 0 ..< 250 {
      let client = generator.wireMessage(.clientToServer)
      try tally.judge(ClientFrame.self, generator.mutate(client))
      let server = generator.wireMessage(.serverToClient)
      try tally.judge(ServerFrame.self, generator.mutate(server))
      let status = generator.wireMessage(.status)
      try tally.judge(WireStatus.self, generator.mutate(status))
    }
    tally.expectFewDifferences()
  }

  @Test("Random bytes", arguments: 0 ..< 8 as Range<UInt64>)
  func random(seed: UInt64) throws {
    var generator = SeededGenerator(seed: 4000 + seed)
    var tally = VerdictTally()
    for _ in 0 ..< 500 {
      let bytes = generator.bytes(count: generator.int(below: 40))
      try tally.judge(ClientFrame.self, bytes)
      try tally.judge(ServerFrame.self, bytes)
      // Bytes that a tag may begin with get further.
      let tagged = [generator.pick([0x08, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x38, 0x7a])] + bytes
      try tally.judge(ClientFrame.self, tagged)
      try tally.judge(ServerFrame.self, tagged)
    }
    tally.expectFewDifferences()
  }

  @Test("Every message of up to two bytes")
  func exhaustive() throws {
    var tally = VerdictTally()
    try tally.judge(ServerFrame.self, [])
    for first in UInt8.min ... .max {
      try tally.judge(ServerFrame.self, [first])
      for second in UInt8.min ... .max {
        try tally.judge(ServerFrame.self, [first, second])
      }
    }
    #expect(tally.sameValue + tally.bothRefuse == tally.total)
  }

  @Test("Many keys take no quadratic time", .timeLimit(.minutes(5)))
  func manyKeys() throws {
    let count = 200_000
    var metadata = WireBytes()
    for key in 0 ..< count {
      metadata.raw(
        WireBytes.delimited(WireBytes.delimited("key-\(key)".utf8, field: 1), field: 1)
      )
    }
    let read = try WireMetadata(decoding: metadata.bytes[...])
    #expect(read.entries.count == WireMetadata.maximumElementCount + 1)
    #expect(read["key-0"].isEmpty)
  }

  @Test("Many parts of one message take no quadratic time", .timeLimit(.minutes(5)))
  func manyParts() throws {
    let count = 100_000
    var newStreams = WireBytes()
    var closeStreams = WireBytes()
    for part in 0 ..< count {
      let key = WireBytes.delimited("\(part)".utf8, field: 1)
      let metadata = WireBytes.delimited(key, field: 1)
      newStreams.raw(WireBytes.delimited(WireBytes.delimited(metadata, field: 2), field: 2))

      let status = WireBytes.delimited(WireBytes.delimited([], field: 3), field: 2)
      closeStreams.raw(WireBytes.delimited(status, field: 5))
    }

    let client = try ClientFrame(decoding: newStreams.bytes[...])
    guard case .newStream(let newStream) = client.payload else {
      Issue.record("Not a NewStream: \(client)")
      return
    }
    #expect(newStream.requestHeaders?.entries.count == WireMetadata.maximumElementCount + 1)

    let server = try ServerFrame(decoding: closeStreams.bytes[...])
    guard case .closeStream(let closeStream) = server.payload else {
      Issue.record("Not a CloseStream: \(server)")
      return
    }
    #expect(closeStream.status?.details.count == WireStatus.maximumDetailCount + 1)
  }
}
