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
internal import GRPCTunnel
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import RecordedTunnels
internal import Testing

/// Recorded tunnel clients of the Go library call our tunnel server.
@Suite("Vectors: recorded clients", .timeLimit(.minutes(5)))
struct TunnelServerReplayTests {
  @Test("our server answers as the recorded one", arguments: RecordedTunnel.allNames)
  func replay(name: String) async throws {
    let recording = try RecordedTunnel(loading: name)
    let frames = try recording.decodedFrames()
    let recorder = FrameRecorder()
    let pair = CarrierPair(record: recorder.record)
    var config = TunnelConfig.defaults
    config.maximumRevision = Int(recording.revision)

    switch recording.direction {
    case .forward:
      let service = TunnelService(services: [VectorEcho()], config: config)
      try await withGRPCServer(transport: pair.server, services: [service]) { _ in
        let headers = Metadata(recorded: recording.carrierRequestHeaders)
        let peer = try await RawTunnelClient.dial(over: pair, headers: headers)
        #expect(try await peer.receiveHeaders().strings("grpctunnel-negotiate") == ["on"])
        var replay = VectorReplay(revision: recording.revision)
        try await replay.play(frames, with: peer)
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      }

    case .reverse:
      try await withGRPCClient(transport: pair.client) { network in
        try await withGRPCServer(
          transport: .reverseTunnel(over: network, config: config),
          services: [VectorEcho()]
        ) { _ in
          let headers = Metadata(recorded: recording.carrierResponseHeaders)
          let (peer, received) = try await RawTunnelClient.accept(over: pair, headers: headers)
          #expect(peer.method.method == "OpenReverseTunnel")
          #expect(received.strings("grpctunnel-negotiate") == ["on"])
          var replay = VectorReplay(revision: recording.revision)
          try await replay.play(frames, with: peer)
          try await peer.end()
        }
      }
    }

    let (recorded, actual) = (RecordedCalls(frames), RecordedCalls(recorder.frames))
    #expect(actual.settings == recorded.settings)
    #expect(actual.ids == recorded.ids)
    for id in recorded.ids {
      Self.compare(actual[id], recorded[id], scenario: recording.name)
    }
  }

  private static func compare(_ actual: RecordedCall, _ recorded: RecordedCall, scenario: String) {
    #expect(actual.responses.largestChunk <= 16_384)
    #expect(actual.responses.isComplete)

    switch scenario {
    case "deadline-header":
      // The recorded server sends a stray empty message, and UNKNOWN.
      #expect(actual.responses.complete == Array(recorded.responses.complete.dropLast()))
      #expect(actual.close?.status?.code == Int32(RPCError.Code.deadlineExceeded.rawValue))
      return
    case "cancel" where recorded.isCancelled:
      // The recorded server answers a cancel with UNKNOWN; ours need not answer.
      #expect(actual.responses.complete == recorded.responses.complete)
      return
    case "unimplemented" where recorded.close?.status != nil:
      // The text is each library's own.
      #expect(actual.close?.status?.code == Int32(RPCError.Code.unimplemented.rawValue))
      #expect(recorded.close?.status?.code == Int32(RPCError.Code.unimplemented.rawValue))
    default:
      #expect(actual.close?.status ?? WireStatus() == recorded.close?.status ?? WireStatus())
    }
    // Missing headers equal empty ones.
    #expect(actual.headers ?? [:] == recorded.headers ?? [:])
    #expect(actual.responses.complete == recorded.responses.complete)
    #expect(actual.close?.responseTrailers ?? [:] == recorded.close?.responseTrailers ?? [:])
  }
}

extension Metadata {
  init(recorded headers: [String: [String]]) {
    self.init()
    for (key, values) in headers {
      for value in values {
        self.addString(value, forKey: key)
      }
    }
  }
}
