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

/// Protobuf's rules for fields that come again, for the fields where frames could break them.
@Suite("Fields that come again")
struct FrameMergingTests {
  private func client(_ payload: ClientFrame.Payload) -> [UInt8] {
    ClientFrame(streamID: StreamID(rawValue: 0), payload: payload).encoded()
  }

  private func server(_ payload: ServerFrame.Payload) -> [UInt8] {
    ServerFrame(streamID: StreamID(rawValue: 0), payload: payload).encoded()
  }

  @Test("The last member of a oneof wins")
  func lastMemberWins() throws {
    let bytes = self.client(.windowUpdate(5)) + self.client(.halfClose) + self.client(.cancel)
    #expect(try ClientFrame(decoding: bytes[...]).payload == .cancel)
    #expect(try ClientFrame.verdict(on: bytes) == .sameValue)
  }

  @Test("The same member is merged")
  func sameMemberMerges() throws {
    let bytes =
      self.client(
        .newStream(NewStream(methodName: "a/b", requestHeaders: ["x": ["1"], "y": ["2"]]))
      )
      + self.client(.newStream(NewStream(requestHeaders: ["x": ["3"]], initialWindowSize: 9)))
    let expected = NewStream(
      methodName: "a/b",
      requestHeaders: ["x": ["3"], "y": ["2"]],
      initialWindowSize: 9
    )
    #expect(try ClientFrame(decoding: bytes[...]).payload == .newStream(expected))
    #expect(try ClientFrame.verdict(on: bytes) == .sameValue)
  }

  @Test("A member that comes again after another one starts anew")
  func interruptedMemberStartsAnew() throws {
    let bytes =
      self.client(.requestMessage(MessageEnvelope(size: 7)))
      + self.client(.halfClose)
      + self.client(.requestMessage(MessageEnvelope(data: [1])))
    let expected = MessageEnvelope(size: 0, data: [1])
    #expect(try ClientFrame(decoding: bytes[...]).payload == .requestMessage(expected))
    #expect(try ClientFrame.verdict(on: bytes) == .sameValue)
  }

  @Test("A mistyped member leaves the others alone")
  func mistypedMember() throws {
    let bytes = self.client(.halfClose) + WireBytes.varint(1, field: 2)
    #expect(try ClientFrame(decoding: bytes[...]).payload == .halfClose)
    #expect(try ClientFrame.verdict(on: bytes) == .sameValue)
  }

  @Test("Messages within messages are merged, details added")
  func nestedMessages() throws {
    let first = CloseStream(
      responseTrailers: ["t": ["1"]],
      status: WireStatus(code: 5, details: [.init(typeURL: "a", value: [1])])
    )
    let second = CloseStream(
      status: WireStatus(message: "m", details: [.init(typeURL: "b", value: [2])]),
      unprocessed: true
    )
    let expected = CloseStream(
      responseTrailers: ["t": ["1"]],
      status: WireStatus(
        code: 5,
        message: "m",
        details: [.init(typeURL: "a", value: [1]), .init(typeURL: "b", value: [2])]
      ),
      unprocessed: true
    )
    let bytes = self.server(.closeStream(first)) + self.server(.closeStream(second))
    #expect(try ServerFrame(decoding: bytes[...]).payload == .closeStream(expected))
    #expect(try ServerFrame.verdict(on: bytes) == .sameValue)
  }

  @Test("Revisions, packed or not, are added")
  func revisions() throws {
    let settings = WireBytes.varint(1, field: 1) + WireBytes.delimited([0, 1], field: 1)
    let bytes = WireBytes.delimited(settings + settings, field: 6)
    let expected = Settings(supportedProtocolRevisions: [.one, .zero, .one, .one, .zero, .one])
    #expect(try ServerFrame(decoding: bytes[...]).payload == .settings(expected))
    #expect(try ServerFrame.verdict(on: bytes) == .sameValue)
  }

  @Test("Revisions are an open enumeration of 32 bits")
  func openEnumeration() throws {
    let settings = WireBytes.varint(.max, field: 1) + WireBytes.varint(0x1_0000_0007, field: 1)
    let bytes = WireBytes.delimited(settings, field: 6)
    let expected = Settings(
      supportedProtocolRevisions: [
        ProtocolRevision(rawValue: -1), ProtocolRevision(rawValue: 7),
      ]
    )
    #expect(try ServerFrame(decoding: bytes[...]).payload == .settings(expected))
    #expect(try ServerFrame.verdict(on: bytes) == .sameValue)
  }

  @Test("The last entry of a key wins; within an entry, values are merged")
  func mapEntries() throws {
    let one = WireBytes.delimited(WireBytes.delimited("1".utf8, field: 1), field: 2)
    let two = WireBytes.delimited(WireBytes.delimited("2".utf8, field: 1), field: 2)
    let key = WireBytes.delimited("k".utf8, field: 1)
    let other = WireBytes.delimited("o".utf8, field: 1)

    let entries = [one + key, other + two + key + one, [], two, key + one + other]
    let bytes = entries.flatMap { WireBytes.delimited($0, field: 1) }
    let expected: WireMetadata = ["k": ["2", "1"], "": ["2"], "o": ["1"]]
    #expect(try WireMetadata(decoding: bytes[...]) == expected)
    #expect(try WireMetadata.verdict(on: bytes) == .sameValue)
  }

  @Test("Numbers above 32 bits are cut, any bool but 0 is true")
  func cutNumbers() throws {
    let update = WireBytes.varint(0x1_0000_0005, field: 7)
    #expect(try ServerFrame(decoding: update[...]).payload == .windowUpdate(5))
    #expect(try ServerFrame.verdict(on: update) == .sameValue)

    let close = WireBytes.delimited(WireBytes.varint(1 << 40, field: 15), field: 5)
    #expect(
      try ServerFrame(decoding: close[...]).payload == .closeStream(CloseStream(unprocessed: true))
    )
    #expect(try ServerFrame.verdict(on: close) == .sameValue)
  }
}
