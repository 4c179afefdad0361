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

/// Our tunnel client makes the recorded calls, and recorded tunnel servers of the Go library answer.
@Suite("Vectors: recorded servers", .timeLimit(.minutes(5)))
struct TunnelClientReplayTests {
  @Test("our client calls as the recorded one", arguments: RecordedTunnel.allNames)
  func replay(name: String) async throws {
    let recording = try RecordedTunnel(loading: name)
    let frames = try recording.decodedFrames()
    let recorder = FrameRecorder()
    let pair = CarrierPair(record: recorder.record)
    let recorded = RecordedCalls(frames)
    let outcomes: [StreamID: VectorOutcome]

    switch recording.direction {
    case .forward:
      outcomes = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let headers = Metadata(recorded: recording.carrierResponseHeaders)
          let (peer, received) = try await RawTunnelServer.accept(over: pair, headers: headers)
          #expect(peer.method.method == "OpenTunnel")
          #expect(received.strings("grpctunnel-negotiate") == ["on"])
          var replay = VectorReplay(revision: recording.revision)
          try await replay.play(frames, with: peer)
          while try await peer.next() != nil {}
          try await peer.end()
        }
        // Calls can be over before a client runs, which it then fails to do.
        let outcomes = try await withRunningClient(transport: pair.client) { network in
          let transport = TunnelClientTransport(over: network)
          return try await withRunningClient(transport: transport) { client in
            try await VectorCaller(calls: recorded, recorder: recorder).run(
              client,
              concurrently: recording.name == "interleaved"
            )
          }.result
        }.result
        try await group.waitForAll()
        return outcomes
      }

    case .reverse:
      let agents = ReverseTunnels { _ in "agent" }
      let service = TunnelService(reverseTunnels: agents)
      outcomes = try await withGRPCServer(transport: pair.server, services: [service]) { server in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            let headers = Metadata(recorded: recording.carrierRequestHeaders)
            let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
            #expect(try await peer.receiveHeaders().strings("grpctunnel-negotiate") == ["on"])
            var replay = VectorReplay(revision: recording.revision)
            try await replay.play(frames, with: peer)
            #expect(try await peer.readStatus()?.code == .ok)
          }
          try await agents.waitUntilReady()
          let outcomes = try await withRunningClient(transport: agents.transport) { client in
            try await VectorCaller(calls: recorded, recorder: recorder).run(
              client,
              concurrently: recording.name == "interleaved"
            )
          }.result
          server.beginGracefulShutdown()
          try await group.waitForAll()
          return outcomes
        }
      }
    }

    let actual = RecordedCalls(recorder.frames)
    #expect(actual.ids == recorded.ids)
    for id in recorded.ids {
      Self.compareFrames(actual[id], recorded[id], scenario: recording.name)
      let outcome = try #require(outcomes[id])
      Self.compareOutcome(outcome, recorded[id], scenario: recording.name)
    }
  }

  private static func compareFrames(
    _ actual: RecordedCall,
    _ recorded: RecordedCall,
    scenario: String
  ) {
    #expect(actual.method == recorded.method)
    #expect(actual.newStream?.protocolRevision == recorded.newStream?.protocolRevision)
    #expect(actual.requests.largestChunk <= 16_384)
    #expect(actual.requests.complete == recorded.requests.complete)
    #expect(actual.isHalfClosed == recorded.isHalfClosed)
    if scenario == "deadline-header" {
      // What is left of the caller's deadline.
      let timeout = actual.newStream?.timeout
      #expect(timeout.map { $0 <= .seconds(50) } == true)
      return
    }
    #expect(actual.newStream?.requestHeaders ?? [:] == recorded.newStream?.requestHeaders ?? [:])
    #expect(actual.isCancelled == recorded.isCancelled)
  }

  private static func compareOutcome(
    _ outcome: VectorOutcome,
    _ recorded: RecordedCall,
    scenario: String
  ) {
    if recorded.isCancelled {
      // The caller has left before the end.
      #expect(outcome.messages == recorded.responses.complete)
      return
    }
    if scenario == "deadline-header" {
      // The recorded server sends a stray empty message, and UNKNOWN.
      #expect(outcome.code == .unknown)
      return
    }
    let status = recorded.close?.status ?? WireStatus()
    #expect(outcome.code.rawValue == Int(status.code))
    #expect(outcome.message == status.message)
    #expect(outcome.messages == recorded.responses.complete)
    #expect(outcome.wireTrailers == recorded.close?.responseTrailers ?? [:])
    if outcome.code == .ok {
      #expect(outcome.wireMetadata == recorded.headers ?? [:])
      #expect(outcome.details.isEmpty)
    } else {
      #expect(outcome.details == status.details)
    }
  }
}
