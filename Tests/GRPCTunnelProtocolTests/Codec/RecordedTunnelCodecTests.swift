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
internal import RecordedTunnels
internal import Testing

/// Frames that the Go library wrote.
@Suite("Recorded frames")
struct RecordedTunnelCodecTests {
  @Test("All recordings are there")
  func complete() {
    #expect(RecordedTunnel.allNames.count == 52)
  }

  @Test("Every frame is read as SwiftProtobuf reads it", arguments: RecordedTunnel.allNames)
  func frames(name: String) throws {
    let tunnel = try RecordedTunnel(loading: name)
    #expect(!tunnel.frames.isEmpty)
    for frame in tunnel.frames {
      switch frame.from {
      case .tunnelClient:
        try self.check(ClientFrame.self, frame.bytes)
      case .tunnelServer:
        try self.check(ServerFrame.self, frame.bytes)
      }
    }
  }

  private func check<Frame: Referenced>(_ type: Frame.Type, _ bytes: [UInt8]) throws {
    let frame = try Frame(decoding: bytes[...])
    #expect(try frame.referenceBytes == Frame.decodeReference(bytes).deterministicBytes)

    let encoded = frame.encoded()
    #expect(encoded.count == bytes.count)
    #expect(try Frame(decoding: encoded[...]) == frame)
  }

  @Test("A tunnel starts with settings that name its revision", arguments: [0, 1] as [Int32])
  func settings(revision: Int32) throws {
    let tunnel = try RecordedTunnel(loading: "forward-rev\(revision)-unary")
    let first = try #require(tunnel.frames.first)
    #expect(first.from == .tunnelServer)

    let frame = try ServerFrame(decoding: first.bytes[...])
    #expect(frame.streamID == .tunnel)
    guard case .settings(let settings) = frame.payload else {
      Issue.record("Not settings: \(frame)")
      return
    }
    #expect(settings.initialWindowSize == 65_536)
    #expect(settings.supportedProtocolRevisions.max() == ProtocolRevision(rawValue: revision))
  }

  @Test("A recorded failure has its status, details and trailers")
  func failure() throws {
    let tunnel = try RecordedTunnel(loading: "forward-rev1-fail")
    let last = try #require(tunnel.frames.last)
    let frame = try ServerFrame(decoding: last.bytes[...])
    guard case .closeStream(let closeStream) = frame.payload else {
      Issue.record("Not a CloseStream: \(frame)")
      return
    }
    #expect(closeStream.responseTrailers == ["x-trailer": ["failed"]])
    #expect(closeStream.status?.code == 5)
    #expect(closeStream.status?.message == "no such thing: é")
    #expect(
      closeStream.status?.details.map(\.typeURL) == [
        "type.googleapis.com/google.protobuf.StringValue",
        "type.googleapis.com/google.protobuf.Int64Value",
      ]
    )
    #expect(closeStream.status?.details.last?.value == [0x08, 0x2a])
  }
}
