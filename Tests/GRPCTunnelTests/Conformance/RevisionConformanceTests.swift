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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: revisions", .timeLimit(.minutes(5)))
struct RevisionConformanceTests {
  static let revisions: [(client: Int, server: Int)] = [(0, 0), (0, 1), (1, 0), (1, 1)]

  // PROTOCOL.md 3: the tunnel client picks the highest revision both know and names it in every
  // NewStream. Never send an empty list, nor a revision that you would not accept.
  @Test(
    "either end can keep a tunnel at revision zero, for RPCs of all kinds",
    arguments: TestTunnel.Direction.allCases,
    revisions
  )
  func maximumRevision(
    direction: TestTunnel.Direction,
    revision: (client: Int, server: Int)
  ) async throws {
    let recorder = FrameRecorder()
    var tunnel = TestTunnel(direction: direction, revision: revision.client)
    tunnel.serverRevision = revision.server
    tunnel.pair = CarrierPair(record: recorder.record)
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for kind in RPCKind.allCases {
        let message = [UInt8](pattern: 200_000)
        let reply = try await client.call(ControlCall(kind, [.echo], messages: [message]))
        #expect(reply.messages == [message])
      }
    }
    let used = recorder.clientFrames.compactMap { frame in
      if case .newStream(let newStream) = frame.payload { newStream.protocolRevision } else { nil }
    }
    let expected = ProtocolRevision(rawValue: Int32(min(revision.client, revision.server)))
    #expect(used == Array(repeating: expected, count: RPCKind.allCases.count))

    let offered = recorder.serverFrames.compactMap { frame in
      if case .settings(let settings) = frame.payload {
        settings.supportedProtocolRevisions
      } else {
        nil
      }
    }
    #expect(offered == [revision.server == 0 ? [.zero] : [.zero, .one]])
    // PROTOCOL.md 6: revision zero has no windows.
    if expected == .zero {
      #expect(recorder.clientFrames.allSatisfy { !$0.isWindowUpdate })
      #expect(recorder.serverFrames.allSatisfy { !$0.isWindowUpdate })
    }
  }
}

extension ClientFrame {
  fileprivate var isWindowUpdate: Bool {
    if case .windowUpdate = self.payload { true } else { false }
  }
}

extension ServerFrame {
  fileprivate var isWindowUpdate: Bool {
    if case .windowUpdate = self.payload { true } else { false }
  }
}
