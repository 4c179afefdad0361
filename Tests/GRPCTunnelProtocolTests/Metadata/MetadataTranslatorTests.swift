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

private let transportKeys = [
  ":path", ":authority", ":method", ":scheme", "te", "content-type", "content-length", "host",
  "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
  "grpc-encoding", "grpc-accept-encoding", "grpc-status", "grpc-message", "grpc-timeout",
  "grpctunnel-negotiate", "grpctunnel-extensions", "TE", "Content-Type", "GRPC-Timeout",
]

@Suite("Metadata (PROTOCOL.md 4 and 9)")
struct MetadataTranslatorTests {
  private let plain = MetadataTranslator(encodesBinaryValues: false)
  private let encoding = MetadataTranslator(encodesBinaryValues: true)

  @Test("Keys are lower-cased on the way out and in")
  func keys() throws {
    let wire = try self.plain.wireMetadata(from: ["X-One": "a", "x-two": "b"])
    #expect(wire == ["x-one": ["a"], "x-two": ["b"]])
    let metadata = try self.plain.metadata(from: ["X-One": ["a"], "X-TWO-Bin": ["b"]])
    #expect(metadata.map(\.key).sorted() == ["x-one", "x-two-bin"])
  }

  @Test("The values of a key keep their order, also when its spellings differ")
  func repeatedKeys() throws {
    var metadata = Metadata()
    metadata.addString("1", forKey: "key")
    metadata.addString("x", forKey: "other")
    metadata.addString("2", forKey: "KEY")
    metadata.addString("", forKey: "key")
    let wire = try self.plain.wireMetadata(from: metadata)
    #expect(wire["key"] == ["1", "2", ""])
    #expect(wire["other"] == ["x"])
    #expect(Array(try self.plain.metadata(from: wire)[stringValues: "key"]) == ["1", "2", ""])
  }

  @Test("Transport keys do not travel", arguments: transportKeys)
  func transportKeysStay(key: String) throws {
    #expect(try self.plain.wireMetadata(from: [key: "value", "kept": "x"]) == ["kept": ["x"]])
    #expect(try self.plain.metadata(from: [key: ["value"], "kept": ["x"]]) == ["kept": "x"])
  }

  @Test(
    "Other keys of gRPC, and what only looks like a transport key, do travel",
    arguments: ["user-agent", "grpc-previous-rpc-attempts", "x-host", "text", "grpctunnel"]
  )
  func applicationKeys(key: String) throws {
    #expect(try self.plain.wireMetadata(from: [key: "value"]) == [key: ["value"]])
    #expect(try self.plain.metadata(from: [key: ["value"]]) == [key: "value"])
  }

  @Test("Nothing stays nothing")
  func empty() throws {
    #expect(try self.plain.wireMetadata(from: [:]).isEmpty)
    #expect(try self.encoding.metadata(from: WireMetadata()).isEmpty)
    #expect(try self.plain.metadata(from: ["key": []]).isEmpty)
  }

  @Test("Text travels as it is, whatever it is", arguments: ["", "a b", "é漢🦤", "YQ=="])
  func text(value: String) throws {
    for translator in [self.plain, self.encoding] {
      #expect(try translator.wireMetadata(from: ["key": .string(value)]) == ["key": [value]])
      #expect(try translator.metadata(from: ["key": [value]]) == ["key": .string(value)])
    }
  }

  // MARK: - Binary values without the extension

  @Test("Without the extension UTF-8 travels raw", arguments: ["", "abc", "é漢🦤", "\0"])
  func rawBytes(value: String) throws {
    let metadata: Metadata = ["key-bin": .binary(Array(value.utf8))]
    #expect(try self.plain.wireMetadata(from: metadata) == ["key-bin": [value]])
    #expect(try self.plain.metadata(from: ["key-bin": [value]]) == metadata)
  }

  @Test(
    "Without the extension other bytes fail, and the key is named",
    arguments: [[0xff], [0x61, 0x80], [0xc3], [0xed, 0xa0, 0x80]] as [[UInt8]]
  )
  func unsendable(bytes: [UInt8]) {
    let error = #expect(throws: MetadataTranslator.Failure.self) {
      try self.plain.wireMetadata(from: ["ok": "x", "KEY-bin": .binary(bytes)])
    }
    #expect(error?.key == "key-bin")
  }

  // MARK: - Binary values with the extension

  @Test("With the extension any bytes travel as unpadded base64", arguments: 0 ..< 8)
  func encoded(count: Int) throws {
    let bytes = (0 ..< count).map { UInt8(255 - $0) }
    let wire = try self.encoding.wireMetadata(from: ["key-bin": .binary(bytes)])
    let value = try #require(wire["key-bin"].first)
    #expect(!value.contains("="))
    #expect(value.utf8.count == (count * 4 + 2) / 3)
    #expect(try self.encoding.metadata(from: wire) == ["key-bin": .binary(bytes)])
  }

  @Test(
    "With the extension padding is accepted too",
    arguments: [("YQ", "a"), ("YQ==", "a"), ("YWI", "ab"), ("YWI=", "ab"), ("YWJj", "abc")]
  )
  func padding(value: String, expected: String) throws {
    let metadata = try self.encoding.metadata(from: ["key-bin": [value]])
    #expect(metadata == ["key-bin": .binary(Array(expected.utf8))])
  }

  @Test(
    "With the extension what is not base64 fails, and the key is named",
    arguments: ["!", "a", "YQ===", "Y Q", "é"]
  )
  func notBase64(value: String) {
    let error = #expect(throws: MetadataTranslator.Failure.self) {
      try self.encoding.metadata(from: ["Key-Bin": [value]])
    }
    #expect(error?.key == "key-bin")
  }

  // MARK: - Binary keys with text values, as GRPCCore's HTTP/2 transport leaves them

  @Test(
    "A text value of a binary key is base64",
    arguments: [("", ""), ("YQ", "a"), ("YQ==", "a"), ("YWJj", "abc")]
  )
  func textOfBinaryKey(value: String, expected: String) throws {
    let metadata: Metadata = ["key-bin": .string(value)]
    #expect(try self.plain.wireMetadata(from: metadata) == ["key-bin": [expected]])
    let wire = try self.encoding.wireMetadata(from: metadata)
    #expect(
      try self.encoding.metadata(from: wire) == ["key-bin": .binary(Array(expected.utf8))]
    )
  }

  @Test("A text value of a binary key that is not base64 fails")
  func badTextOfBinaryKey() {
    for translator in [self.plain, self.encoding] {
      #expect(throws: MetadataTranslator.Failure.self) {
        try translator.wireMetadata(from: ["key-bin": "not base64!"])
      }
    }
  }

  @Test("Hostile values of binary keys never trap")
  func hostileValues() throws {
    var random = SeededGenerator(seed: 9)
    for _ in 0 ..< 2000 {
      _ = try? self.encoding.metadata(from: ["key-bin": [random.string()]])
      _ = try self.plain.metadata(from: [random.string(): [random.string()]])
    }
  }
}
