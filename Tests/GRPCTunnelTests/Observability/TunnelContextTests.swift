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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing
internal import X509

@Suite("What handlers learn of their tunnel", .timeLimit(.minutes(5)))
struct TunnelContextTests {
  private let seen = SeenContexts()
  private let service = ControlService(events: ControlEvents())

  @Test("the tunnel and its carrier are known", arguments: TestTunnel.all)
  func context(tunnel: TestTunnel) async throws {
    var tunnel = tunnel
    tunnel.serverInterceptors = [self.seen]
    tunnel.metadata = ["agent-id": "shop-42"]
    try await tunnel.run(offering: [self.service]) { client in
      _ = try await client.call(ControlCall(.unary, [.echo]))
    }
    let context = try #require(self.seen.atServer.first)
    let information = try #require(context.tunnel?.tunnel)
    #expect(information.direction == (tunnel.direction == .forward ? .forward : .reverse))
    #expect(information.revision == tunnel.revision)
    #expect(
      information.extensions
        == ["binary-metadata", "drain", "identity", "refused", "stream-limit"]
    )
    #expect(information.metadata.strings("agent-id") == ["shop-42"])
    let peer = information.remotePeer.isEmpty ? "" : ":\(information.remotePeer)"
    #expect(context.remotePeer == "\(information.id)\(peer)")

    switch (tunnel.direction, tunnel.carrier) {
    case (.forward, .inMemory):
      #expect(information.remotePeer == "client")
      #expect(information.localPeer == "server")
      #expect(context.localPeer == "\(information.id):server")
    case (.forward, .http2):
      #expect(information.remotePeer.hasPrefix("ipv4:127.0.0.1:"))
      #expect(context.tunnel?.carrier is HTTP2ServerTransport.Posix.Context)
      #expect(context.tunnel?.connection is HTTP2ServerTransport.Posix.Context)
    case (.forward, .tunnel):
      let outer = try #require(context.tunnel?.outerTunnel)
      #expect(outer.tunnel.id < information.id)
      #expect(outer.tunnel.remotePeer == "client")
      #expect(outer.outerTunnel == nil)
      #expect(information.remotePeer == "\(outer.tunnel.id):client")
    case (.reverse, _):
      // The end that dials is not told.
      #expect(information.remotePeer == "")
      #expect(context.tunnel?.carrier == nil)
    }
  }

  @Test("the revision is that of the RPC")
  func revisionOfRPC() async throws {
    let pair = CarrierPair()
    let service = TunnelService(services: [self.service], interceptors: [self.seen])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      let streams: [(StreamID, ProtocolRevision)] = [(1, .zero), (2, .one), (3, .zero)]
      for (id, revision) in streams {
        try await peer.send(.call(id, ControlCall(.unary, [.echo]), revision: revision))
        try await peer.send(.message(id, []))
        try await peer.send(.halfClose(id))
        #expect(try await peer.readClose(of: id).rpcCode == .ok)
      }
    }
    #expect(self.seen.atServer.map { $0.tunnel?.tunnel.revision } == [0, 1, 0])
    #expect(self.seen.atServer.allSatisfy { $0.tunnel?.tunnel.extensions == [] })
  }

  @Test("an RPC that came in another way has no tunnel")
  func noTunnel() async throws {
    let pair = CarrierPair()
    try await withGRPCServer(
      transport: pair.server,
      services: [self.service],
      interceptors: [self.seen]
    ) { _ in
      try await withGRPCClient(transport: pair.client) { client in
        _ = try await client.call(ControlCall(.unary, [.echo]))
      }
    }
    let context = try #require(self.seen.atServer.first)
    #expect(context.tunnel == nil)
  }

  @Test("the client's certificate can be reached, through two tunnels too", arguments: [1, 2])
  func certificate(tunnelCount: Int) async throws {
    let serverIdentity = try TestCertificate(commonName: "localhost")
    let clientIdentity = try TestCertificate(commonName: "agent-7")
    let inner = TunnelService(services: [self.service], interceptors: [self.seen])
    let outer =
      tunnelCount == 1
      ? inner : TunnelService(services: [inner], interceptors: [])
    try await withGRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .mTLS(
          certificateChain: [serverIdentity.source],
          privateKey: serverIdentity.keySource
        ) { $0.trustRoots = .certificates([clientIdentity.source]) }
      ),
      services: [outer]
    ) { server in
      let address = try #require(try await server.listeningAddress?.ipv4)
      try await withGRPCClient(
        transport: try .http2NIOPosix(
          target: .ipv4(address: address.host, port: address.port),
          transportSecurity: .mTLS(
            certificateChain: [clientIdentity.source],
            privateKey: clientIdentity.keySource
          ) {
            $0.trustRoots = .certificates([serverIdentity.source])
            $0.serverCertificateVerification = .noHostnameVerification
          }
        )
      ) { network in
        try await Self.withTunnels(tunnelCount, over: network) { client in
          let reply = try await client.call(ControlCall(.unary, [.echo]))
          #expect(reply.error == nil)
        }
      }
    }
    let context = try #require(self.seen.atServer.first)
    let connection = try #require(context.tunnel?.connection as? HTTP2ServerTransport.Posix.Context)
    #expect(connection.peerCertificate == clientIdentity.certificate)
  }

  /// Opens tunnels, each through the one before.
  private static func withTunnels(
    _ count: Int,
    over network: GRPCClient<some ClientTransport>,
    _ body: @Sendable (_ client: GRPCClient<TunnelClientTransport>) async throws -> Void
  ) async throws {
    try await withGRPCClient(transport: .tunnel(over: network, config: .patient)) { client in
      if count == 1 {
        try await body(client)
      } else {
        try await withGRPCClient(transport: .tunnel(over: client, config: .patient)) {
          try await body($0)
        }
      }
    }
  }

  @Test(
    "an interceptor lets the end that dials know its peer",
    arguments: TestTunnel.Direction.allCases
  )
  func peerInterceptor(direction: TestTunnel.Direction) async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels { _ in "agent" }
    let service = TunnelService(services: [self.service], reverseTunnels: agents)
    let log = LogRecorder()
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(
        transport: pair.client,
        interceptors: [TunnelPeerInterceptor()]
      ) { network in
        switch direction {
        case .forward:
          try await withGRPCClient(
            transport: .tunnel(over: network, observability: log.observability),
            interceptors: [self.seen]
          ) { client in
            _ = try await client.call(ControlCall(.unary, [.echo]))
          }
        case .reverse:
          try await withGRPCServer(
            transport: .reverseTunnel(over: network, observability: log.observability),
            services: [self.service],
            interceptors: [self.seen]
          ) { _ in
            try await agents.waitUntilReady()
            try await withGRPCClient(transport: agents.transport) { client in
              _ = try await client.call(ControlCall(.unary, [.echo]))
            }
          }
        }
      }
    }
    let opened = try await log.line("tunnel opened")
    let id = try #require(opened[.tunnelID])
    #expect(opened[.remotePeer] == "server")
    switch direction {
    case .forward:
      let context = try #require(self.seen.atClient.first)
      #expect(context.remotePeer == "\(id):server")
      #expect(context.localPeer == "\(id):client")
    case .reverse:
      let context = try #require(self.seen.atServer.first)
      #expect(context.remotePeer == "\(id):server")
      #expect(context.localPeer == "\(id):client")
    }
  }
}
