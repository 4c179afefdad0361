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
internal import SwiftProtobuf
internal import Testing
internal import TunnelSimulation

/// Frames compared with SwiftProtobuf, message by message, in both directions.
@Suite("Random frames agree with SwiftProtobuf")
struct RandomFrameTests {
  @Test("What we write", arguments: 0 ..< 8 as Range<UInt64>)
  func encoding(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0 ..< 250 {
      try self.checkEncoding(ClientFrame.random(using: &generator))
      try self.checkEncoding(ServerFrame.random(using: &generator))
      try self.checkEncoding(WireStatus.random(using: &generator))
      try self.checkEncoding(WireMetadata.random(using: &generator))
    }
  }

  @Test("What we read", arguments: 100 ..< 108 as Range<UInt64>)
  func decoding(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0 ..< 250 {
      try self.checkDecoding(ClientFrame.random(using: &generator))
      try self.checkDecoding(ServerFrame.random(using: &generator))
      try self.checkDecoding(WireStatus.random(using: &generator))
      try self.checkDecoding(WireMetadata.random(using: &generator))
    }
  }

  @Test("Fields in any order, repeated, padded, unknown", arguments: 200 ..< 216 as Range<UInt64>)
  func oddEncodings(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var tally = VerdictTally()
    for _ in 0 ..< 250 {
      try tally.judge(ClientFrame.self, generator.wireMessage(.clientToServer))
      try tally.judge(ServerFrame.self, generator.wireMessage(.serverToClient))
      try tally.judge(WireStatus.self, generator.wireMessage(.status))
      try tally.judge(WireMetadata.self, generator.wireMessage(.metadata))
    }

    // Only strings that are not UTF-8 are invalid here.
    #expect(tally.bothRefuse < tally.total / 20)
    #expect(tally.sameValue + tally.bothRefuse == tally.total)
  }

  @Test("Messages behind each other are merged", arguments: 300 ..< 308 as Range<UInt64>)
  func concatenation(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0 ..< 250 {
      try self.checkConcatenation(ClientFrame.self, using: &generator)
      try self.checkConcatenation(ServerFrame.self, using: &generator)
      try self.checkConcatenation(WireStatus.self, using: &generator)
      try self.checkConcatenation(WireMetadata.self, using: &generator)
    }
  }

  private func checkEncoding<Message: Referenced>(_ message: Message) throws {
    let bytes = message.encoded()
    #expect(bytes.count == message.encodedSize)

    let read = try Message.decodeReference(bytes)
    #expect(try read.deterministicBytes == message.referenceBytes)
    #expect(try Message(decoding: bytes[...]) == message)
    // Nothing that SwiftProtobuf leaves out is written, and nothing is written at greater length.
    #expect(try bytes.count == message.referenceBytes.count)
  }

  private func checkDecoding<Message: Referenced>(_ message: Message) throws {
    let bytes: [UInt8] = try message.reference.serializedBytes()
    let read = try Message(decoding: bytes[...])
    #expect(read == message)
    #expect(try read.referenceBytes == message.referenceBytes)
  }

  private func checkConcatenation<Message: Referenced>(
    _ type: Message.Type,
    using generator: inout SeededGenerator
  ) throws {
    var bytes: [UInt8] = []
    for _ in 0 ... generator.int(below: 4) {
      bytes += Message.random(using: &generator).encoded()
    }
    #expect(try Message.verdict(on: bytes) == .sameValue)
  }
}
