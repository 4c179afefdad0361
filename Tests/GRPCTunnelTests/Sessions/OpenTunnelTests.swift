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
internal import Testing

@Suite("What is agreed on, and known, in a tunnel", .timeLimit(.minutes(5)))
struct OpenTunnelTests {
  @Test("the highest revision that both ends permit is used", arguments: TestTunnel.inMemory)
  func revision(tunnel: TestTunnel) async throws {
    let recorder = FrameRecorder()
    var tunnel = tunnel
    tunnel.pair = CarrierPair(record: recorder.record)
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      _ = try await client.call(ControlCall(.unary, [.echo]))
    }
    let revisions = recorder.clientFrames.compactMap { frame in
      if case .newStream(let newStream) = frame.payload { newStream.protocolRevision } else { nil }
    }
    #expect(revisions == [ProtocolRevision(rawValue: Int32(tunnel.revision))])
  }

  @Test("a transport runs once; shut down before, it does not dial")
  func runsOnce() async throws {
    let pair = CarrierPair()
    let client = TunnelClientTransport(over: GRPCClient(transport: pair.client))
    client.beginGracefulShutdown()
    // Nobody would answer.
    try await client.connect()
    #expect(pair.openCount == 0)
    let error = await #expect(throws: TunnelError.self) { try await client.connect() }
    #expect(error?.code == .alreadyStarted)
  }
}
