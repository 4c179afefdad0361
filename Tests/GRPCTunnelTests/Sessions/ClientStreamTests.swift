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
internal import Testing

@testable internal import GRPCTunnel

@Suite("A stream at the tunnel client")
struct ClientStreamTests {
  private let call = ClientCall(
    MethodDescriptor(fullyQualifiedService: "test.Service", method: "Method"),
    .defaults,
    now: .zero
  )

  private func openSession(maximumConcurrentStreams: Int = 1) -> ClientSession {
    let silent = CarrierHeaders(negotiates: false, extensions: [])
    var configuration = TunnelConfiguration()
    configuration.maximumConcurrentStreams = maximumConcurrentStreams
    let session = ClientSession(
      configuration: configuration,
      offered: silent,
      origin: TunnelOrigin(direction: .forward),
      observer: TunnelObserver(.none, direction: .forward, role: .client),
      clock: .continuous
    )
    session.startConnecting()
    session.carrierOpened(peer: silent)
    return session
  }

  @Test("metadata that is written after the RPC was given up starts nothing")
  func metadataAfterTheEnd() async throws {
    let session = self.openSession()
    let outbound = try await session.withStream(self.call) { stream, _ in stream.outbound }
    await #expect(throws: RPCError.self) { try await outbound.write(.metadata([:])) }
    #expect(session.inspect { $0.activeStreamCount } == 0)
    #expect(session.inspect { $0.isReady })
    #expect(session.inspect { !$0.hasFrames })
  }

  @Test("metadata that is written twice starts one stream")
  func metadataTwice() async throws {
    let session = self.openSession()
    try await session.withStream(self.call) { stream, _ in
      try await stream.outbound.write(.metadata([:]))
      await #expect(throws: RPCError.self) { try await stream.outbound.write(.metadata([:])) }
      #expect(session.inspect { $0.activeStreamCount } == 1)
    }
    #expect(session.inspect { $0.activeStreamCount } == 0)
    #expect(session.inspect { $0.isReady })
  }

  @Test("a request that is finished without metadata fails its RPC, and gives its place back")
  func noMetadata() async throws {
    let session = self.openSession()
    try await session.withStream(self.call) { stream, _ in
      await stream.outbound.finish()
      await #expect(throws: RPCError.self) {
        for try await _ in stream.inbound {}
      }
    }
    #expect(session.inspect { $0.isReady })
  }
}
