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

/// Where the data of a decoded frame lies in memory.
@Suite("Storage of decoded data")
struct FrameDataStorageTests {
  private func frame(dataCount: Int, headerCount: Int = 0) -> [UInt8] {
    // An unknown field in front stands for whatever else a message holds.
    WireBytes.delimited([UInt8](repeating: 0, count: headerCount), field: 99)
      + WireBytes.delimited((0 ..< dataCount).map { UInt8(truncatingIfNeeded: $0) }, field: 4)
  }

  private func data(of frame: ClientFrame) throws -> ArraySlice<UInt8> {
    guard case .moreRequestData(let data) = frame.payload else {
      throw NoData()
    }
    return data
  }

  private struct NoData: Error {}

  private func share(_ data: ArraySlice<UInt8>, _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { whole in
      data.withUnsafeBytes { part in
        guard let start = whole.baseAddress, let address = part.baseAddress else {
          return false
        }
        return address >= start && address < start + whole.count
      }
    }
  }

  @Test(
    "Data shares the storage of the message if that costs little memory",
    arguments: [
      (16_384, 0, true), (16_384, 16_000, true), (600, 400, true), (10, 100, true),
      (10, 200, false), (16_384, 17_000, false), (1, 100_000, false),
    ]
  )
  func arrays(dataCount: Int, headerCount: Int, shared: Bool) throws {
    let bytes = self.frame(dataCount: dataCount, headerCount: headerCount)
    let data = try self.data(of: ClientFrame(decoding: bytes[...]))
    #expect(data.elementsEqual((0 ..< dataCount).map { UInt8(truncatingIfNeeded: $0) }))
    #expect(self.share(data, bytes) == shared)
  }

  @Test("A slice that does not start at 0")
  func slices() throws {
    let bytes = [1, 2, 3] + self.frame(dataCount: 300) + [4, 5]
    let data = try self.data(of: ClientFrame(decoding: bytes[3 ..< bytes.count - 2]))
    #expect(data.elementsEqual((0 ..< 300).map { UInt8(truncatingIfNeeded: $0) }))
    #expect(self.share(data, bytes))
  }

  @Test("Arrays handed over by a carrier are shared")
  func arraysAsContiguousBytes() throws {
    let bytes = self.frame(dataCount: 16_384)
    #expect(try self.share(self.data(of: ClientFrame(decoding: bytes)), bytes))
  }

  @Test("Data from other memory is copied")
  func unownedMemory() throws {
    let bytes = self.frame(dataCount: 16_384)
    let frame = try bytes.withUnsafeBytes { try ClientFrame(decoding: $0) }
    let data = try self.data(of: frame)
    #expect(!self.share(data, bytes))
    #expect(data.elementsEqual((0 ..< 16_384).map { UInt8(truncatingIfNeeded: $0) }))
  }
}
