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

@Suite("Handshakes (PROTOCOL.md 3)", .timeLimit(.minutes(5)))
struct HandshakeTests {
  @Test("a client waits for headers and settings, but not for ever", arguments: [false, true])
  func clientTimeout(headersArrive: Bool) async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, clock: clock.clock)
      let (code, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(
          over: pair,
          headers: headersArrive ? .negotiating : nil
        )
        try await clock.waitForSleeper(until: .seconds(10))
        clock.advance(by: .seconds(10))
        let code = try await reply.error?.code
        // The carrier is given up.
        await #expect(throws: (any Error).self) { try await peer.next() }
        return code
      }
      #expect(code == .unavailable)
      #expect(failure?.code == .peerFault)
    }
  }

  @Test("a reverse server gives up on a peer that does not answer, and dials again")
  func reverseServerTimeout() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      var policy = TunnelReconnectPolicy.defaults
      policy.backoff.maximum = .zero
      let transport = ReverseTunnelServerTransport(
        over: network,
        reconnect: policy,
        clock: clock.clock
      )
      try await withGRPCServer(transport: transport, services: []) { _ in
        let (first, _) = try await RawTunnelClient.accept(over: pair, headers: nil)
        try await clock.waitForSleeper(until: .seconds(10))
        clock.advance(by: .seconds(10))
        await #expect(throws: (any Error).self) { try await first.next() }

        let (second, _) = try await RawTunnelClient.accept(over: pair)
        _ = try await second.nextOrThrow()
        try await second.end()
      }
    }
  }

  @Test("a registry ends a tunnel whose settings do not come")
  func registryTimeout() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let agents = ReverseTunnels(clock: clock.clock) { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(over: pair)
      try await clock.waitForSleeper(until: .seconds(10))
      #expect(!agents.isReady)
      clock.advance(by: .seconds(10))
      #expect(try await peer.readStatus()?.code == .unavailable)
    }
    #expect(agents.tunnels.isEmpty)
  }

  @Test("a peer without a common revision is told of both sets", arguments: [[], [7, 8]])
  func noCommonRevision(revisions: [Int32]) async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network)
      let (reply, failure) = try await withRunningClient(transport: transport) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        let settings = Settings(
          supportedProtocolRevisions: revisions.map { ProtocolRevision(rawValue: $0) },
          initialWindowSize: 65_536
        )
        try await peer.send(ServerFrame(streamID: .tunnel, payload: .settings(settings)))
        await #expect(throws: (any Error).self) { try await peer.nextOrThrow() }
        return try await reply
      }
      #expect(reply.error?.code == .unavailable)
      #expect(failure?.code == .peerFault)
      let message = failure?.message ?? ""
      #expect(message.contains("0, 1"))
      #expect(revisions.allSatisfy { message.contains("\($0)") })
    }
  }

  @Test("a server without services refuses forward tunnels")
  func forwardRefused() async throws {
    let pair = CarrierPair()
    let service = TunnelService(reverseTunnels: ReverseTunnels { _ in "agent" })
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = TunnelClientTransport(over: network)
        let (reply, failure) = try await withRunningClient(transport: transport) { client in
          try await client.call(ControlCall(.unary, [.echo]))
        }
        #expect(reply.error?.code == .unavailable)
        #expect(failure?.code == .carrierFailed)
        #expect((failure?.cause as? RPCError)?.code == .unimplemented)
      }
    }
  }

  @Test("a server without a registry refuses reverse tunnels, which ends their server")
  func reverseRefused() async throws {
    let pair = CarrierPair()
    let service = TunnelService(services: [ControlService(events: ControlEvents())])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = ReverseTunnelServerTransport(over: network)
        let error = await #expect(throws: TunnelError.self) {
          try await transport.listen { _, _ in }
        }
        #expect(error?.code == .carrierFailed)
        #expect((error?.cause as? RPCError)?.code == .unimplemented)
      }
    }
  }
}
