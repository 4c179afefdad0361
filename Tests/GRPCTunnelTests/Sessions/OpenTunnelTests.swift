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

@Suite("What is agreed on, and known, in a tunnel", .timeLimit(.minutes(1)))
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

  @Test("binary metadata that a peer cannot take fails its RPC alone")
  func unsendableRequest() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCClient(transport: .tunnel(over: network)) { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            let (peer, _) = try await RawTunnelServer.accept(over: pair)
            try await peer.send(.settings(.zero, .one))
            // Nothing is sent of the RPC that fails.
            let (id, _) = try await peer.readNewStream()
            #expect(id == 1)
            try await peer.answer(id, [1])
            while try await peer.next() != nil {}
            try await peer.end()
          }
          let bad = try await client.call(
            ControlCall(.unary, [.echo], metadata: ["some-bin": .binary([0xff])])
          )
          #expect(bad.error?.code == .internalError)
          #expect(bad.error?.message.contains("some-bin") == true)
          let good = try await client.call(
            ControlCall(.unary, [.echo], metadata: ["some-bin": .binary([0x20])])
          )
          #expect(good.messages == [[1]])
          client.beginGracefulShutdown()
          try await group.waitForAll()
        }
      }
    }
  }

  @Test("binary trailers that a peer cannot take fail their RPC alone")
  func unsendableResponse() async throws {
    let pair = CarrierPair()
    let service = TunnelService(
      services: [ControlService(events: ControlEvents())],
      interceptors: [BinaryTrailer()]
    )
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      for id: StreamID in [1, 2] {
        try await peer.send(.call(id, ControlCall(.bidirectional, [.echo])))
        try await peer.send(.halfClose(id))
        let status = try await peer.readClose(of: id)
        #expect(status.rpcCode == .internalError)
        #expect(status.message.contains("some-bin"))
      }
    }
  }
}

/// Adds a trailer that is not UTF-8.
private struct BinaryTrailer: ServerInterceptor {
  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let response = try await next(request, context)
    let contents = try response.accepted.get()
    return StreamingServerResponse(metadata: contents.metadata) { writer in
      var trailers = try await contents.producer(writer)
      trailers.addBinary([0xff], forKey: "some-bin")
      return trailers
    }
  }
}
