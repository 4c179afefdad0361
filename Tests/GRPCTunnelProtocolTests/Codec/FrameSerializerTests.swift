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
internal import Testing
internal import TunnelSimulation

@Suite("Serializers of frames")
struct FrameSerializerTests {
  /// A carrier's bag of bytes that is no array.
  struct Bag: GRPCContiguousBytes {
    var bytes: [UInt8]

    init(repeating byte: UInt8, count: Int) {
      self.bytes = [UInt8](repeating: byte, count: count)
    }

    init(_ sequence: some Sequence<UInt8>) {
      self.bytes = Array(sequence)
    }

    var count: Int {
      self.bytes.count
    }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
      try self.bytes.withUnsafeBytes(body)
    }

    mutating func withUnsafeMutableBytes<R>(
      _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
      try self.bytes.withUnsafeMutableBytes(body)
    }
  }

  @Test("Frames survive any bag of bytes", arguments: 0 ..< 4 as Range<UInt64>)
  func roundTrip(seed: UInt64) throws {
    var generator = SeededGenerator(seed: 5000 + seed)
    for _ in 0 ..< 100 {
      let client = generator.clientFrame()
      let clientBag: Bag = try ClientFrameSerializer().serialize(client)
      #expect(clientBag.bytes == client.encoded())
      #expect(try ClientFrameDeserializer().deserialize(clientBag) == client)
      let clientArray: [UInt8] = try ClientFrameSerializer().serialize(client)
      #expect(clientArray == client.encoded())
      #expect(try ClientFrameDeserializer().deserialize(clientArray) == client)

      let server = generator.serverFrame()
      let serverBag: Bag = try ServerFrameSerializer().serialize(server)
      #expect(serverBag.bytes == server.encoded())
      #expect(try ServerFrameDeserializer().deserialize(serverBag) == server)
      let serverArray: [UInt8] = try ServerFrameSerializer().serialize(server)
      #expect(serverArray == server.encoded())
      #expect(try ServerFrameDeserializer().deserialize(serverArray) == server)
    }
  }

  @Test("A malformed frame is an internal error that says what is wrong")
  func malformed() {
    let bytes: [UInt8] = [0x08, 0x01, 0x12, 0x03, 0x0a, 0x01, 0xff]
    let clientError = #expect(throws: RPCError.self) {
      try ClientFrameDeserializer().deserialize(Bag(bytes))
    }
    #expect(clientError?.code == .internalError)
    #expect(
      clientError?.message == """
        The tunnel's peer sent a malformed ClientToServer message: \
        invalid UTF-8 in NewStream.method_name at byte 6.
        """
    )
    #expect(
      clientError?.cause as? FrameDecodingError
        == FrameDecodingError(.invalidUTF8(.methodName), atOffset: 6)
    )

    let serverError = #expect(throws: RPCError.self) {
      try ServerFrameDeserializer().deserialize([0x08, 0x80] as [UInt8])
    }
    #expect(serverError?.code == .internalError)
    #expect(
      serverError?.message == """
        The tunnel's peer sent a malformed ServerToClient message: truncated field at byte 2.
        """
    )
  }
}
