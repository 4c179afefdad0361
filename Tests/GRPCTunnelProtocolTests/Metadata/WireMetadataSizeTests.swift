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

@Suite("Size of metadata")
struct WireMetadataSizeTests {
  @Test(
    "Bytes of keys and values, and 32 for each value",
    arguments: [
      ([:], 0), (["ab": ["cde"]], 37), (["ab": ["c", "de"]], 71), (["ab": []], 34),
      (["é": ["漢"]], 37),
    ] as [(WireMetadata, Int)]
  )
  func sizes(metadata: WireMetadata, size: Int) {
    #expect(metadata.byteCount == size)
  }

  @Test("Empty values of an empty key are not free")
  func emptyValues() {
    let metadata: WireMetadata = ["": [String](repeating: "", count: 1000)]
    #expect(metadata.byteCount == 32_000)
  }

  @Test("A frame is no larger than the size says")
  func boundsFrames() {
    var random = SeededGenerator(seed: 5)
    for _ in 0 ..< 200 {
      var metadata = WireMetadata()
      for _ in 0 ..< random.int(below: 20) {
        metadata.append(random.string(), forKey: random.string())
      }
      let frame = ServerFrame(
        streamID: StreamID(rawValue: .max),
        payload: .responseHeaders(metadata)
      )
      #expect(frame.encoded().count <= metadata.byteCount + 32)
    }
  }
}
