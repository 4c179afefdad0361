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

/// What peers and applications send must not come to light in a log, least of all when it is refused.
@Suite("Secrets stay out of logs and errors", .timeLimit(.minutes(5)))
struct SecretTests {
  private static let secret = "open-sesame"

  private static func expectNoSecret(_ logs: LogRecorder...) {
    for log in logs {
      for line in log.lines {
        #expect(!line.description.contains(Self.secret), "\(line)")
      }
    }
  }

  @Test("a carrier that is refused", arguments: [RPCError.Code.permissionDenied, .unimplemented])
  func refusedCarrier(code: RPCError.Code) async throws {
    let (client, server) = (LogRecorder(), LogRecorder())
    let pair = CarrierPair()
    let agents = ReverseTunnels(observability: server.observability) { _ -> String in
      throw RPCError(code: code, message: "No.", metadata: ["token": .string(Self.secret)])
    }
    let service = TunnelService(reverseTunnels: agents, observability: server.observability)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = ReverseTunnelServerTransport(
          over: network,
          metadata: ["authorization": .string("Bearer \(Self.secret)")],
          reconnect: .tiny,
          observability: client.observability
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            // Ends by itself when reverse tunnels are not known.
            try? await transport.listen { _, _ in }
          }
          _ = try await server.line("tunnel refused")
          transport.beginGracefulShutdown()
          try await group.waitForAll()
        }
      }
    }
    Self.expectNoSecret(client, server)
  }

  /// What a tunnel server is sent that is malformed, refused or too large, with a secret in it.
  private static var hostileFrames: [[UInt8]] {
    let headers: WireMetadata = ["authorization": [Self.secret], "token-bin": ["!\(Self.secret)"]]
    let newStream = { (id: StreamID, method: String, headers: WireMetadata) in
      ClientFrame(
        streamID: id,
        payload: .newStream(
          NewStream(
            methodName: method,
            requestHeaders: headers,
            initialWindowSize: 65_536,
            protocolRevision: .one
          )
        )
      ).encoded()
    }
    let large = [String](repeating: Self.secret, count: 3000)
    return [
      newStream(1, "control.Control/unary", headers),
      newStream(2, "none/none", headers),
      newStream(3, "control.Control/unary", ["authorization": large]),
      newStream(4, Self.secret, [:]),
      ClientFrame.message(1, Array(Self.secret.utf8)).encoded(),
      // Ends the tunnel.
      Wire.frame(
        5,
        Wire.field(
          2,
          Wire.field(
            2,
            Wire.metadataEntry(
              key: Array("authorization".utf8),
              value: Array(Self.secret.utf8) + [0xff]
            )
          )
        )
      ),
    ]
  }

  @Test("a tunnel server with a hostile client")
  func hostileClient() async throws {
    let log = LogRecorder()
    let pair = CarrierPair()
    let service = TunnelService(
      services: [ControlService(events: ControlEvents())],
      observability: log.observability
    )
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      var carrier = Metadata.negotiating(extensions: .binaryMetadata)
      carrier.addString("Bearer \(Self.secret)", forKey: "authorization")
      let peer = try await RawTunnelClient.dial(over: pair, headers: carrier)
      for frame in Self.hostileFrames {
        try await peer.send(bytes: frame)
      }
      let status = try #require(try await peer.readStatus())
      #expect(status.code == .internalError)
      #expect(!status.message.contains(Self.secret))
      _ = try await log.line("tunnel closed")
    }
    Self.expectNoSecret(log)
  }

  @Test("a tunnel client with a hostile server")
  func hostileServer() async throws {
    let log = LogRecorder()
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(
        over: network,
        metadata: ["authorization": .string("Bearer \(Self.secret)")],
        observability: log.observability
      )
      let (outcome, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(
          ControlCall(.unary, [.echo], metadata: ["authorization": .string(Self.secret)])
        )
        let (peer, _) = try await RawTunnelServer.accept(
          over: pair,
          headers: .negotiating(extensions: .binaryMetadata)
        )
        try await peer.send(.settings(.zero, .one))
        let (id, _) = try await peer.readNewStream()
        let headers: WireMetadata = ["set-cookie": [Self.secret], "token-bin": ["!\(Self.secret)"]]
        try await peer.send(ServerFrame(streamID: id, payload: .responseHeaders(headers)))
        let outcome = try await reply
        let value = Array(Self.secret.utf8) + [0xff]
        let entry = Wire.metadataEntry(key: Array("set-cookie".utf8), value: value)
        try await peer.send(bytes: Wire.frame(id, Wire.field(2, entry)))
        await #expect(throws: RPCError.self) {
          while try await peer.next() != nil {}
        }
        return outcome
      }
      #expect(outcome.error?.code == .internalError)
      #expect(outcome.error?.message.contains("token-bin") == true)
      #expect(outcome.error?.message.contains(Self.secret) == false)
      #expect(failure?.code == .peerFault)
      #expect(failure?.description.contains(Self.secret) == false)
    }
    Self.expectNoSecret(log)
  }
}
