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

@Suite("WireMetadata")
struct WireMetadataTests {
  @Test("Keys are found with and without an index", arguments: [0, 1, 15, 16, 17, 18, 100])
  func lookup(count: Int) {
    var metadata = WireMetadata()
    for key in 0 ..< count {
      metadata.append("first", forKey: "\(key)")
    }
    for key in 0 ..< count {
      metadata.append("second", forKey: "\(key)")
    }
    #expect(metadata.entries.map(\.key) == (0 ..< count).map { "\($0)" })
    for key in 0 ..< count {
      #expect(metadata["\(key)"] == ["first", "second"])
    }
    #expect(metadata["none"].isEmpty)

    for key in 0 ..< count {
      metadata.set(["third"], forKey: "\(key)")
    }
    #expect(metadata.entries.count == count)
    #expect(metadata.entries.allSatisfy { $0.values == ["third"] })
  }

  @Test("The order of keys means nothing", arguments: [2, 16, 17, 50])
  func equality(count: Int) {
    let keys = (0 ..< count).map { "\($0)" }
    var forwards = WireMetadata()
    var backwards = WireMetadata()
    for key in keys {
      forwards.append("value", forKey: key)
    }
    for key in keys.reversed() {
      backwards.append("value", forKey: key)
    }
    #expect(forwards == backwards)
    #expect(forwards.hashValue == backwards.hashValue)

    backwards.append("value", forKey: "1")
    #expect(forwards != backwards)
  }

  @Test("The order of values does mean something")
  func valueOrder() {
    #expect(WireMetadata(dictionaryLiteral: ("k", ["1", "2"])) != ["k": ["2", "1"]])
  }
}
