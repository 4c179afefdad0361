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

/// Recorded conversations whose carrier is cut before each of their frames, and after the last.
@Suite("Hostile networks: cut at every frame", .timeLimit(.minutes(5)))
struct CutCarrierTests {
  /// What is cut is lost at both ends; nothing waits for what never comes, and a new tunnel works.
  @Test("our server", arguments: RecordedTunnel.allNames)
  func server(name: String) async throws {
    let recording = try RecordedTunnel(loading: name)
    let frames = try recording.decodedFrames()
    for count in 0 ... frames.count {
      let pair = CarrierPair()
      let config = TunnelConfig.revision(Int(recording.revision))
      switch recording.direction {
      case .forward:
        let service = TunnelService(services: [VectorEcho()], config: config)
        try await withGRPCServer(transport: pair.server, services: [service]) { _ in
          let headers = Metadata(recorded: recording.carrierRequestHeaders)
          let first = try await RawTunnelClient.dial(over: pair, headers: headers)
          try await Self.play(frames.prefix(count), with: first, recording)
          pair.cut()
          pair.mend()
          let peer = try await RawTunnelClient.dial(over: pair, headers: headers)
          try await Self.expectToServe(peer, recording.revision)
          peer.halfClose()
          #expect(try await peer.readStatus()?.code == .ok)
        }

      case .reverse:
        try await withGRPCClient(transport: pair.client) { network in
          try await withGRPCServer(
            transport: .reverseTunnel(over: network, config: config, reconnect: .tiny),
            services: [VectorEcho()]
          ) { _ in
            let headers = Metadata(recorded: recording.carrierResponseHeaders)
            let (first, _) = try await RawTunnelClient.accept(over: pair, headers: headers)
            try await Self.play(frames.prefix(count), with: first, recording)
            pair.cut()
            pair.mend()
            let (peer, _) = try await RawTunnelClient.accept(over: pair, headers: headers)
            try await Self.expectToServe(peer, recording.revision)
            try await peer.end()
          }
        }
      }
    }
  }

  private static func play(
    _ frames: ArraySlice<FrameRecorder.Frame>,
    with peer: RawTunnelClient,
    _ recording: RecordedTunnel
  ) async throws {
    var replay = VectorReplay(revision: recording.revision)
    try await replay.play(Array(frames), with: peer, waitsForCloses: false)
  }

  private static func expectToServe(_ peer: RawTunnelClient, _ revision: Int32) async throws {
    let newStream = NewStream(
      methodName: VectorEcho.Method.unary.descriptor.fullyQualifiedMethod,
      initialWindowSize: 65_536,
      protocolRevision: ProtocolRevision(rawValue: revision)
    )
    try await peer.send(ClientFrame(streamID: 1, payload: .newStream(newStream)))
    try await peer.send(.message(1, []))
    try await peer.send(.halfClose(1))
    #expect(try await peer.readClose(of: 1).rpcCode == .ok)
  }

  @Test("our client", arguments: RecordedTunnel.allNames)
  func client(name: String) async throws {
    let recording = try RecordedTunnel(loading: name)
    let frames = try recording.decodedFrames()
    for count in 0 ... frames.count {
      let recorder = FrameRecorder()
      let pair = CarrierPair(record: recorder.record)
      let caller = VectorCaller(calls: RecordedCalls(frames), recorder: recorder)
      let outcomes: [StreamID: VectorOutcome]
      switch recording.direction {
      case .forward:
        outcomes = try await withGRPCClient(transport: pair.client) { network in
          let transport = TunnelClientTransport(over: network)
          return try await withRunningClient(transport: transport) { client in
            async let outcomes = caller.run(client, concurrently: recording.name == "interleaved")
            let headers = Metadata(recorded: recording.carrierResponseHeaders)
            let (peer, _) = try await RawTunnelServer.accept(over: pair, headers: headers)
            var replay = VectorReplay(revision: recording.revision)
            try await replay.play(Array(frames.prefix(count)), with: peer)
            pair.cut()
            return try await outcomes
          }.result
        }

      case .reverse:
        let agents = ReverseTunnels { _ in "agent" }
        let service = TunnelService(reverseTunnels: agents)
        outcomes = try await withGRPCServer(transport: pair.server, services: [service]) { _ in
          try await withGRPCClient(transport: agents.transport) { client in
            let headers = Metadata(recorded: recording.carrierRequestHeaders)
            let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
            _ = try await peer.receiveHeaders()
            var replay = VectorReplay(revision: recording.revision)
            if count > 0 {
              // The settings, without which no call starts.
              try await replay.play(Array(frames.prefix(1)), with: peer)
              try await agents.waitUntilReady()
            }
            async let outcomes = caller.run(client, concurrently: recording.name == "interleaved")
            try await replay.play(Array(frames.prefix(count).dropFirst()), with: peer)
            pair.cut()
            return try await outcomes
          }
        }
        #expect(agents.tunnels.isEmpty)
      }
      #expect(Set(outcomes.keys) == Set(caller.calls.ids))
      for (id, outcome) in outcomes {
        let call = caller.calls[id]
        let code = Status.Code(rawValue: Int(call.close?.status?.code ?? 0)) ?? .unknown
        // A caller that leaves by itself sees no end.
        let codes: Set<Status.Code> = [.unavailable, call.isCancelled ? .ok : code]
        #expect(codes.contains(outcome.code), "\(outcome)")
      }
    }
  }
}
