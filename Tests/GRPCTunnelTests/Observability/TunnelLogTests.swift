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
internal import Logging
internal import Testing

@Suite("The log of tunnels", .timeLimit(.minutes(5)))
struct TunnelLogTests {
  private let client = LogRecorder()
  private let server = LogRecorder()
  private let events = ControlEvents()

  private func logged(_ tunnel: TestTunnel) -> TestTunnel {
    var tunnel = tunnel
    tunnel.clientObservability = self.client.observability
    tunnel.serverObservability = self.server.observability
    return tunnel
  }

  @Test("tells at both ends of a tunnel's life", arguments: TestTunnel.inMemory)
  func life(tunnel: TestTunnel) async throws {
    try await self.logged(tunnel).run(offering: [ControlService(events: self.events)]) { client in
      _ = try await client.call(ControlCall(.unary, [.echo]))
    }

    for (log, role) in [(self.client, "client"), (self.server, "server")] {
      let opened = try await log.line("tunnel opened")
      #expect(opened.level == .info)
      #expect(opened[.direction] == "\(tunnel.direction)")
      #expect(opened[.role] == role)
      #expect(opened[.revision] == "\(tunnel.revision)")
      #expect(opened[.extensions] == "binary-metadata,drain,identity,refused,stream-limit")
      #expect(opened[.tunnelID]?.hasPrefix("tunnel-") == true)
      let isAcceptedServer = tunnel.direction == .forward && role == "server"
      #expect((opened[.handshakeTime] == nil) == isAcceptedServer)

      let closed = try await log.line("tunnel closed")
      #expect(closed.level == .info)
      #expect(closed[.tunnelID] == opened[.tunnelID])
      #expect(closed[.reason] == "drained")
    }
    // Only the network's server knows its peer, and the tunnel's key.
    let accepting = tunnel.direction == .forward ? self.server : self.client
    let dialling = tunnel.direction == .forward ? self.client : self.server
    #expect(try await accepting.line("tunnel opened")[.remotePeer] == "client")
    #expect(try await dialling.line("tunnel opened")[.remotePeer] == nil)
    #expect(
      try await self.client.line("tunnel closed")[.key]
        == (tunnel.direction == .reverse ? "agent" : nil)
    )
  }

  @Test("never tells metadata", arguments: TestTunnel.inMemory)
  func metadata(tunnel: TestTunnel) async throws {
    var tunnel = self.logged(tunnel)
    tunnel.metadata = ["authorization": "open sesame"]
    try await tunnel.run(offering: [ControlService(events: self.events)]) { client in
      _ = try await client.call(
        ControlCall(.unary, [.echo], metadata: ["authorization": "open sesame"])
      )
    }
    for line in self.client.lines + self.server.lines {
      #expect(!"\(line)".contains("sesame"))
    }
  }

  @Test("tells who lost a tunnel, and why", arguments: TestTunnel.inMemory)
  func loss(tunnel: TestTunnel) async throws {
    try? await self.logged(tunnel).run(offering: [ControlService(events: self.events)]) { client in
      _ = try await client.call(ControlCall(.unary, [.echo]))
      tunnel.pair.cut()
      for log in [self.client, self.server] {
        let closed = try await log.line("tunnel closed")
        #expect(closed.level == .warning)
        #expect(closed[.side] == "remote")
        #expect(closed[.reason] == "The connection was lost.")
        #expect(closed[.code] == "UNAVAILABLE")
      }
    }
  }

  @Test("tells at both ends of a drain, and who began it", arguments: TestTunnel.inMemory)
  func drain(tunnel: TestTunnel) async throws {
    try await self.logged(tunnel).run(offering: [ControlService(events: self.events)]) { client in
      _ = try await client.call(ControlCall(.unary, [.echo]))
    }
    // Whoever dials shuts down first.
    let isForward = tunnel.direction == .forward
    let (dialling, accepting) =
      isForward ? (self.client, self.server) : (self.server, self.client)
    for (log, side) in [(dialling, "local"), (accepting, "remote")] {
      let draining = try await log.line("tunnel draining")
      #expect(draining.level == .info)
      #expect(draining[.side] == side)
    }
  }

  @Test(
    "tells of refusals, by policy as errors",
    arguments: [RPCError.Code.permissionDenied, .aborted]
  )
  func refusal(code: RPCError.Code) async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels<String>(observability: self.client.observability) { _ in
      throw RPCError(code: code, message: "not you")
    }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = ReverseTunnelServerTransport(
          over: network,
          reconnect: .tiny,
          observability: self.server.observability
        )
        try await withGRPCServer(
          transport: transport,
          services: [ControlService(events: self.events)]
        ) { _ in
          let refused = try await self.client.line("tunnel refused")
          let notOpened = try await self.server.line("tunnel not opened")
          for (line, side) in [(refused, "local"), (notOpened, "remote")] {
            #expect(line.level == (code == .permissionDenied ? .error : .warning))
            #expect(line[.reason] == "not you")
            #expect(line[.code] == (code == .aborted ? "ABORTED" : "PERMISSION_DENIED"))
            #expect(line[.side] == side)
            #expect(line[.direction] == "reverse")
          }
          #expect(refused[.remotePeer] == "client")
          let reconnecting = try await self.server.line("tunnel reconnecting")
          #expect(reconnecting.level == notOpened.level)
          #expect(reconnecting[.reason] == "not you")
          #expect(reconnecting[.failures] == "1")
          #expect(reconnecting[.retryTime] != nil)
        }
      }
    }
  }

  @Test("tells of a kind of tunnel that is not offered", arguments: TestTunnel.Direction.allCases)
  func notOffered(direction: TestTunnel.Direction) async throws {
    let pair = CarrierPair()
    let service =
      switch direction {
      case .forward:
        TunnelService(
          reverseTunnels: ReverseTunnels { _ in "agent" },
          observability: self.server.observability
        )
      case .reverse:
        TunnelService(
          services: [ControlService(events: self.events)],
          observability: self.server.observability
        )
      }
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let error = await #expect(throws: RPCError.self) {
        switch direction {
        case .forward: _ = try await RawTunnelClient.dial(over: pair).receiveHeaders()
        case .reverse: _ = try await RawTunnelServer.dial(over: pair).receiveHeaders()
        }
      }
      #expect(error?.code == .unimplemented)
      let refused = try await self.server.line("tunnel refused")
      #expect(refused.level == .warning)
      #expect(refused[.direction] == "\(direction)")
      #expect(refused[.code] == "UNIMPLEMENTED")
    }
  }
}
