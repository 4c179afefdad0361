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
internal import MetricsTestKit
internal import Testing

@Suite("The metrics of tunnels", .timeLimit(.minutes(5)))
struct TunnelMetricsTests {
  private let events = ControlEvents()
  private let clientLog = LogRecorder()
  private let serverLog = LogRecorder()

  private var service: ControlService {
    ControlService(events: self.events)
  }

  /// The tunnel, with metrics at both of its ends.
  private func measured(
    _ tunnel: TestTunnel
  ) -> (tunnel: TestTunnel, client: MetricsRecorder, server: MetricsRecorder) {
    let client = MetricsRecorder(direction: "\(tunnel.direction)", role: "client")
    let server = MetricsRecorder(direction: "\(tunnel.direction)", role: "server")
    var tunnel = tunnel
    tunnel.clientObservability = TunnelObservability(
      logger: self.clientLog.logger,
      metrics: client.metrics
    )
    tunnel.serverObservability = TunnelObservability(
      logger: self.serverLog.logger,
      metrics: server.metrics
    )
    return (tunnel, client, server)
  }

  private func waitUntilClosed() async throws {
    _ = try await self.clientLog.line("tunnel closed")
    _ = try await self.serverLog.line("tunnel closed")
  }

  @Test("count RPCs, messages and bytes at both ends", arguments: TestTunnel.inMemory)
  func counts(tunnel: TestTunnel) async throws {
    let (tunnel, client, server) = self.measured(tunnel)
    try await tunnel.run(offering: [self.service]) { client in
      for kind in RPCKind.allCases {
        let reply = try await client.call(ControlCall(kind, [.echo], messages: [[1, 2, 3]]))
        #expect(reply.error == nil)
      }
      let reply = try await client.call(ControlCall(.unary, [.fail(5, "not here")]))
      #expect(reply.error?.code == .notFound)
    }
    try await self.waitUntilClosed()
    for end in [client, server] {
      #expect(try end.count(TunnelMetrics.rpcsStarted) == 5)
      #expect(try end.count(TunnelMetrics.rpcsFinished, code: "OK") == 4)
      #expect(try end.count(TunnelMetrics.rpcsFinished, code: "NOT_FOUND") == 1)
      #expect(end.metrics.counterTotal(label: TunnelMetrics.rpcsFinished) == 5)
      #expect(try end.count(TunnelMetrics.rpcsRefused) == 0)
      #expect(try end.highest(TunnelMetrics.tunnelsOpen) == 1)
      #expect(try end.levels() == [0, 0, 0])
    }
    // The request of the last RPC is empty, and has no answer.
    #expect(try client.count(TunnelMetrics.messagesSent) == 5)
    #expect(try server.count(TunnelMetrics.messagesReceived) == 5)
    #expect(try client.count(TunnelMetrics.messagesReceived) == 4)
    #expect(try server.count(TunnelMetrics.messagesSent) == 4)
    #expect(try client.count(TunnelMetrics.bytesSent) == 12)
    #expect(try server.count(TunnelMetrics.bytesReceived) == 12)
    #expect(try client.count(TunnelMetrics.bytesReceived) == 12)
    #expect(try server.count(TunnelMetrics.bytesSent) == 12)

    #expect(try client.timeCount(TunnelMetrics.handshakeTime) == 1)
    let isAccepted = tunnel.direction == .forward
    #expect(try server.timeCount(TunnelMetrics.handshakeTime) == (isAccepted ? 0 : 1))

    for (log, end) in [(self.clientLog, client), (self.serverLog, server)] {
      let closed = try await log.line("tunnel closed")
      #expect(closed[.rpcs] == "5")
      #expect(closed[.failedRPCs] == "1")
      #expect(closed[.bytesSent] == "\(try end.count(TunnelMetrics.bytesSent))")
      #expect(closed[.bytesReceived] == "\(try end.count(TunnelMetrics.bytesReceived))")
      #expect(closed[.openTime] != nil)
    }
  }

  @Test("tell what is open, and nothing is after a loss", arguments: TestTunnel.inMemory)
  func levels(tunnel: TestTunnel) async throws {
    let (tunnel, client, server) = self.measured(tunnel)
    try? await tunnel.run(offering: [self.service]) { caller in
      async let reply = caller.call(
        ControlCall(.bidirectional, [.signal("started"), .awaitCancellation])
      )
      try await self.events.wait(for: "started")
      _ = try await self.clientLog.line("tunnel opened")
      _ = try await self.serverLog.line("tunnel opened")
      for end in [client, server] {
        #expect(try end.level(TunnelMetrics.streamsOpen) == 1)
        #expect(try end.level(TunnelMetrics.tunnelsOpen) == 1)
        #expect(try end.count(TunnelMetrics.rpcsStarted) == 1)
      }
      tunnel.pair.cut()
      _ = try await reply
      try await self.waitUntilClosed()
      for end in [client, server] {
        #expect(try end.levels() == [0, 0, 0])
        #expect(try end.count(TunnelMetrics.rpcsFinished, code: "UNAVAILABLE") == 1)
      }
    }
  }

  @Test("tell what nobody reads, and when it is read")
  func queuedBytes() async throws {
    let pair = CarrierPair()
    let metrics = MetricsRecorder(direction: "forward", role: "client")
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(
        over: network,
        observability: TunnelObservability(metrics: metrics.metrics)
      )
      try await withGRPCClient(transport: transport) { client in
        async let count = client.serverStreaming(
          request: ClientRequest(message: []),
          descriptor: RPCKind.serverStreaming.controlMethod,
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: .defaults
        ) { response in
          try await self.events.wait(for: "read")
          var count = 0
          for try await _ in response.messages { count += 1 }
          return count
        }
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        let (id, _) = try await peer.readNewStream()
        try await peer.send(.headers(id))
        for _ in 0 ..< 8 {
          try await peer.send(.message(id, [UInt8](pattern: 8192)))
        }
        // Something behind it that is answered: what came before has arrived.
        async let other = client.call(ControlCall(.unary, [.echo]))
        let (otherID, _) = try await peer.readNewStream()
        try await peer.answer(otherID, [])
        _ = try await other
        #expect(try metrics.level(TunnelMetrics.bytesQueued) == 65_536)

        self.events.happen("read")
        try await peer.send(.close(id))
        #expect(try await count == 8)
        #expect(try metrics.level(TunnelMetrics.bytesQueued) == 0)
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
      }
    }
  }

  @Test("tell how long RPCs waited for window")
  func windowStalls() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let metrics = MetricsRecorder(direction: "forward", role: "client")
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(
        over: network,
        observability: TunnelObservability(metrics: metrics.metrics),
        clock: clock.clock
      )
      try await withGRPCClient(transport: transport) { client in
        async let reply = client.call(
          ControlCall(.unary, [], messages: [[UInt8](pattern: 65_536 + 10)])
        )
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        let (id, _) = try await peer.readNewStream()
        var size = 0
        while size < 65_536 {
          size += try await peer.nextOrThrow().payload?.dataByteCount ?? 0
        }
        #expect(try metrics.count(TunnelMetrics.windowStallTime) == 0)
        clock.advance(by: .seconds(4))
        try await peer.send(ServerFrame(streamID: id, payload: .windowUpdate(100)))
        while size < 65_536 + 10 {
          size += try await peer.nextOrThrow().payload?.dataByteCount ?? 0
        }
        try await peer.answer(id, [])
        _ = try await reply
        #expect(try metrics.count(TunnelMetrics.windowStallTime) == 4)
        #expect(try metrics.count(TunnelMetrics.windowStalls) == 1)
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
      }
    }
  }

  @Test("count what a tunnel server refuses")
  func refusedRPCs() async throws {
    let pair = CarrierPair()
    let metrics = MetricsRecorder(direction: "forward", role: "server")
    let service = TunnelService(
      services: [self.service],
      config: .defaults { $0.limits.maximumConcurrentStreams = 1 },
      observability: TunnelObservability(metrics: metrics.metrics)
    )
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelClient.dial(over: pair)
      try await peer.send(.call(1, ControlCall(.bidirectional, [.awaitCancellation])))
      try await peer.send(.call(2, ControlCall(.bidirectional, [.awaitCancellation])))
      #expect(try await peer.readClose(of: 2).rpcCode == .unavailable)
      try await peer.send(.cancel(1))
      peer.halfClose()
      #expect(try await peer.readStatus()?.code == .ok)
      #expect(try metrics.count(TunnelMetrics.rpcsRefused) == 1)
      #expect(try metrics.count(TunnelMetrics.rpcsStarted) == 1)
      #expect(try metrics.count(TunnelMetrics.rpcsFinished, code: "CANCELLED") == 1)
    }
  }

  @Test("count the tunnels that are dialled again")
  func reconnects() async throws {
    let pair = CarrierPair()
    let metrics = MetricsRecorder(direction: "reverse", role: "server")
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(
          over: network,
          reconnect: .tiny,
          observability: TunnelObservability(
            logger: self.serverLog.logger,
            metrics: metrics.metrics
          )
        ),
        services: [self.service]
      ) { _ in
        let (first, _) = try await RawTunnelClient.accept(over: pair)
        try await first.end()
        let (second, _) = try await RawTunnelClient.accept(over: pair)
        _ = try await self.serverLog.line("tunnel reconnecting")
        #expect(try metrics.count(TunnelMetrics.reconnects) == 1)
        try await second.end()
      }
    }
    #expect(try metrics.levels() == [0, 0, 0])
  }
}
