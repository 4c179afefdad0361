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

@Suite("A caller learns which tunnel served its RPC", .timeLimit(.minutes(5)))
struct TunnelIDMetadataTests {
  private let seen = SeenContexts()
  private let service = ControlService(events: ControlEvents())

  /// The tunnel's name that the client's interceptors see.
  private func servingTunnel() throws -> String {
    let peer = try #require(self.seen.atClient.last).remotePeer
    return String(peer.prefix { $0 != ":" })
  }

  private func watched(_ tunnel: TestTunnel) -> TestTunnel {
    var tunnel = tunnel
    tunnel.clientInterceptors = [self.seen]
    tunnel.serverInterceptors = [ForgingInterceptor()]
    return tunnel
  }

  @Test("by the response's metadata, which no peer can forge", arguments: TestTunnel.allWithKinds)
  func served(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await self.watched(tunnel).run(offering: [self.service]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo]))
      #expect(reply.error == nil)
      let id = try self.servingTunnel()
      #expect(id.hasPrefix("tunnel-"))
      #expect(reply.metadata.strings(TunnelID.metadataKey) == [id])
      #expect(reply.trailers.strings(TunnelID.metadataKey) == [])
    }
  }

  @Test("by the trailers when there is only a status", arguments: TestTunnel.allWithKinds)
  func refused(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await self.watched(tunnel).run(offering: [self.service]) { client in
      let reply = try await client.call(ControlCall(kind, [.fail(5, "not here")]))
      #expect(reply.error?.code == .notFound)
      #expect(reply.error?.metadata.strings(TunnelID.metadataKey) == [try self.servingTunnel()])
    }
  }

  @Test("by the error when the tunnel is lost before a response", arguments: TestTunnel.inMemory)
  func lost(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    var tunnel = tunnel
    tunnel.clientInterceptors = [self.seen]
    let pair = tunnel.pair
    try? await tunnel.run(offering: [ControlService(events: events)]) { client in
      async let reply = client.call(
        ControlCall(.unary, [.signal("started"), .awaitCancellation])
      )
      try await events.wait(for: "started")
      pair.cut()
      let error = try await #require(reply.error)
      #expect(error.code == .unavailable)
      #expect(error.metadata.strings(TunnelID.metadataKey) == [try self.servingTunnel()])
    }
  }

  @Test("a raw peer cannot forge it either, through the carrier of another tunnel")
  func rawPeer() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCClient(transport: .tunnel(over: network)) { client in
        async let reply = client.bidirectionalStreaming(
          request: StreamingClientRequest<[UInt8]>(metadata: [TunnelID.metadataKey: "mine"]) { _ in
          },
          descriptor: MethodDescriptor(
            fullyQualifiedService: "grpctunnel.v1.TunnelService",
            method: "OpenTunnel"
          ),
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: .defaults
        ) { response in
          for try await _ in response.messages {}
          return response.metadata
        }
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        let (id, newStream) = try await peer.readNewStream()
        // Nor does this end say anything of the kind.
        #expect(newStream.requestHeaders?[TunnelID.metadataKey] == [])
        try await peer.send(
          ServerFrame(
            streamID: id,
            payload: .responseHeaders(
              ["grpctunnel-negotiate": ["on"], "Grpctunnel-Tunnel-Id": ["tunnel-0"]]
            )
          )
        )
        try await peer.send(.close(id))
        let metadata = try await reply
        #expect(metadata.strings("grpctunnel-negotiate") == ["on"])
        let ids = metadata.strings(TunnelID.metadataKey)
        #expect(ids.count == 1)
        #expect(ids != ["tunnel-0"])
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
      }
    }
  }
}

/// Says that another tunnel served the RPC.
private struct ForgingInterceptor: ServerInterceptor {
  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    var response = try await next(request, context)
    switch response.accepted {
    case .success(var contents):
      contents.metadata.addString("tunnel-0", forKey: TunnelID.metadataKey)
      let producer = contents.producer
      contents.producer = { writer in
        var trailers = try await producer(writer)
        trailers.addString("tunnel-0", forKey: TunnelID.metadataKey)
        return trailers
      }
      response.accepted = .success(contents)
    case .failure(var error):
      error.metadata.addString("tunnel-0", forKey: TunnelID.metadataKey)
      response.accepted = .failure(error)
    }
    return response
  }
}
