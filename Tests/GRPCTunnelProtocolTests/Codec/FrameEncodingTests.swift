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

/// Bytes as the Go peer writes them.
@Suite("Encoded frames")
struct FrameEncodingTests {
  private func client(_ id: Int64, _ payload: ClientFrame.Payload?) -> [UInt8] {
    ClientFrame(streamID: StreamID(rawValue: id), payload: payload).encoded()
  }

  private func server(_ id: Int64, _ payload: ServerFrame.Payload?) -> [UInt8] {
    ServerFrame(streamID: StreamID(rawValue: id), payload: payload).encoded()
  }

  @Test("Nothing is nothing")
  func empty() {
    #expect(self.client(0, nil).isEmpty)
    #expect(self.server(0, nil).isEmpty)
  }

  @Test("The id of the tunnel takes ten bytes")
  func tunnelID() {
    let settings = Settings(supportedProtocolRevisions: [.zero, .one], initialWindowSize: 65_536)
    let id: [UInt8] = [0x08] + [UInt8](repeating: 0xff, count: 9) + [0x01]
    let payload: [UInt8] = [0x32, 0x08, 0x0a, 0x02, 0x00, 0x01, 0x10, 0x80, 0x80, 0x04]
    #expect(self.server(-1, .settings(settings)) == id + payload)
  }

  @Test("Members of a oneof are written even when they hold the default")
  func presentDefaults() {
    #expect(self.client(1, .newStream(NewStream())) == [0x08, 0x01, 0x12, 0x00])
    #expect(self.client(1, .requestMessage(MessageEnvelope())) == [0x08, 0x01, 0x1a, 0x00])
    #expect(self.client(1, .moreRequestData([])) == [0x08, 0x01, 0x22, 0x00])
    #expect(self.client(1, .halfClose) == [0x08, 0x01, 0x2a, 0x00])
    #expect(self.client(1, .cancel) == [0x08, 0x01, 0x32, 0x00])
    #expect(self.client(1, .windowUpdate(0)) == [0x08, 0x01, 0x38, 0x00])

    #expect(self.server(1, .responseHeaders([:])) == [0x08, 0x01, 0x12, 0x00])
    #expect(self.server(1, .responseMessage(MessageEnvelope())) == [0x08, 0x01, 0x1a, 0x00])
    #expect(self.server(1, .moreResponseData([])) == [0x08, 0x01, 0x22, 0x00])
    #expect(self.server(1, .closeStream(CloseStream())) == [0x08, 0x01, 0x2a, 0x00])
    #expect(self.server(1, .settings(Settings())) == [0x08, 0x01, 0x32, 0x00])
    #expect(self.server(1, .windowUpdate(0)) == [0x08, 0x01, 0x38, 0x00])
    #expect(self.server(1, .drain(Drain())) == [0x08, 0x01, 0x7a, 0x00])
  }

  @Test("Messages within are written when present, even empty ones")
  func presentMessages() {
    let newStream = NewStream(requestHeaders: [:])
    #expect(self.client(0, .newStream(newStream)) == [0x12, 0x02, 0x12, 0x00])
    let closeStream = CloseStream(responseTrailers: [:], status: WireStatus())
    #expect(self.server(0, .closeStream(closeStream)) == [0x2a, 0x04, 0x0a, 0x00, 0x12, 0x00])
  }

  @Test("Extensions")
  func extensions() {
    let drain = Drain(lastStreamID: StreamID(rawValue: 300))
    #expect(self.server(0, .drain(drain)) == [0x7a, 0x03, 0x08, 0xac, 0x02])
    let closeStream = CloseStream(unprocessed: true)
    #expect(self.server(0, .closeStream(closeStream)) == [0x2a, 0x02, 0x78, 0x01])
    let settings = Settings(maxConcurrentStreams: 3)
    #expect(self.server(0, .settings(settings)) == [0x32, 0x02, 0x78, 0x03])
  }

  @Test("Varints at the ends of each size", arguments: 1 ... 10)
  func varintSizes(size: Int) throws {
    let largest: UInt64 = size == 10 ? .max : 1 << UInt64(7 * size) - 1
    let smallest: UInt64 = size == 1 ? 0 : 1 << UInt64(7 * (size - 1))
    for value in [smallest, largest] {
      #expect(ProtobufSizer.sizeOfVarint(value) == size)

      let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        var writer = ProtobufWriter(UnsafeMutableRawBufferPointer(buffer))
        writer.appendVarint(value)
        count = writer.position
      }
      var wire = WireBytes()
      wire.varint(value)
      #expect(bytes == wire.bytes)

      let read = try bytes.withUnsafeBytes { buffer in
        var reader = ProtobufReader(buffer)
        return try reader.readVarint()
      }
      #expect(read == value)
    }
  }
}
