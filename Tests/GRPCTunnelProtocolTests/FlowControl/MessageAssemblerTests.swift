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

@Suite("Message assembler (PROTOCOL.md 5)")
struct MessageAssemblerTests {
  @Test("A message in one chunk")
  func single() throws {
    var assembler = MessageAssembler(maximumMessageSize: 10)
    #expect(try assembler.receive(MessageEnvelope(size: 3, data: [1, 2, 3])) == [1, 2, 3])
    #expect(!assembler.isInsideMessage)
  }

  @Test("An empty message")
  func empty() throws {
    var assembler = MessageAssembler(maximumMessageSize: 0)
    #expect(try assembler.receive(MessageEnvelope(size: 0, data: [])) == [])
  }

  @Test("A message in several chunks, of which some are empty")
  func several() throws {
    var assembler = MessageAssembler(maximumMessageSize: 10)
    #expect(try assembler.receive(MessageEnvelope(size: 3, data: [])) == nil)
    #expect(assembler.isInsideMessage)
    #expect(try assembler.receive([1]) == nil)
    #expect(try assembler.receive([]) == nil)
    #expect(assembler.partialByteCount == 1)
    #expect(try assembler.receive([2, 3]) == [1, 2, 3])
    #expect(!assembler.isInsideMessage)
    #expect(assembler.partialByteCount == 0)
  }

  @Test("Small and large chunks, mixed", arguments: [[1], [5000], [1, 5000, 1, 1, 5000, 5000, 3]])
  func mixed(counts: [Int]) throws {
    var random = SeededGenerator(seed: 1)
    let chunks = counts.map { count in
      (0 ..< count).map { _ in UInt8(truncatingIfNeeded: random.int(below: 256)) }[...]
    }
    let size = counts.reduce(0, +)
    var assembler = MessageAssembler(maximumMessageSize: size)
    _ = try assembler.receive(MessageEnvelope(size: UInt32(size), data: []))
    var message: ArraySlice<UInt8>?
    for (index, chunk) in chunks.enumerated() {
      #expect(message == nil)
      #expect(assembler.partialByteCount == counts[..<index].reduce(0, +))
      message = try assembler.receive(chunk)
    }
    #expect(message == Array(chunks.joined())[...])
    #expect(!assembler.isInsideMessage)
  }

  @Test("An envelope inside a message")
  func envelopeInside() throws {
    var assembler = MessageAssembler(maximumMessageSize: 10)
    _ = try assembler.receive(MessageEnvelope(size: 3, data: [1]))
    #expect(throws: MessageAssembler.Fault.envelopeInsideMessage) {
      try assembler.receive(MessageEnvelope(size: 0, data: []))
    }
  }

  @Test("Data that belongs to no message, even none", arguments: [[], [1]] as [[UInt8]])
  func dataOutside(data: [UInt8]) {
    var assembler = MessageAssembler(maximumMessageSize: 10)
    #expect(throws: MessageAssembler.Fault.dataOutsideMessage) {
      try assembler.receive(data[...])
    }
  }

  @Test("More data than the envelope announced")
  func dataBeyondSize() throws {
    var assembler = MessageAssembler(maximumMessageSize: 10)
    #expect(throws: MessageAssembler.Fault.dataBeyondSize(1)) {
      try assembler.receive(MessageEnvelope(size: 1, data: [1, 2]))
    }
    assembler = MessageAssembler(maximumMessageSize: 10)
    _ = try assembler.receive(MessageEnvelope(size: 2, data: [1]))
    #expect(throws: MessageAssembler.Fault.dataBeyondSize(2)) {
      try assembler.receive([2, 3])
    }
  }

  @Test("A message above the limit, whatever of it has arrived", arguments: [11, UInt32.max])
  func tooLarge(size: UInt32) {
    var assembler = MessageAssembler(maximumMessageSize: 10)
    #expect(throws: MessageAssembler.Fault.messageTooLarge(size: size, maximum: 10)) {
      try assembler.receive(MessageEnvelope(size: size, data: []))
    }
  }

  @Test("The claimed size is not allocated")
  func claim() throws {
    var assembler = MessageAssembler(maximumMessageSize: .max)
    _ = try assembler.receive(MessageEnvelope(size: .max, data: [1]))
    #expect(assembler.partialByteCount == 1)
  }
}
