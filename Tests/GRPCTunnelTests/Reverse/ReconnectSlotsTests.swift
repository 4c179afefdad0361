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

@Suite("The tunnels that a reverse server keeps up", .timeLimit(.minutes(5)))
struct ReconnectSlotsTests {
  @Test("are as many as asked for, each with a place of its own that a new tunnel takes over")
  func slots() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network, tunnels: 3, reconnect: .tiny),
        services: []
      ) { server in
        var peers: [RawTunnelClient] = []
        var identities: [TunnelIdentity] = []
        for _ in 0 ..< 3 {
          let (peer, headers) = try await RawTunnelClient.accept(over: pair)
          peers.append(peer)
          identities.append(try #require(TunnelIdentity(headers)))
        }
        #expect(Set(identities.map(\.instance)).count == 1)
        #expect(Set(identities.map(\.slot)) == [0, 1, 2])

        try await peers[1].end(Status(code: .unavailable, message: "lost"))
        let (replacement, headers) = try await RawTunnelClient.accept(over: pair)
        #expect(TunnelIdentity(headers) == identities[1])
        for peer in [peers[0], peers[2], replacement] {
          _ = try await peer.nextOrThrow()
        }

        server.beginGracefulShutdown()
        for peer in [peers[0], peers[2], replacement] {
          while try await peer.next() != nil {}
          try await peer.end()
        }
      }
    }
  }

  @Test("are replaced though the handlers of a lost one go on")
  func slowHandler() async throws {
    let pair = CarrierPair()
    let started = OneShotEvent()
    let mayReturn = StubbornEvent()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = ReverseTunnelServerTransport(over: network, reconnect: .tiny)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await transport.listen { _, _ in
            started.fire()
            await mayReturn.wait()
          }
        }
        let (first, _) = try await RawTunnelClient.accept(over: pair)
        try await first.send(.call(1, ControlCall(.unary, [.echo])))
        try await started.wait()
        try await first.end(Status(code: .unavailable, message: "lost"))

        let (second, _) = try await RawTunnelClient.accept(over: pair)
        _ = try await second.nextOrThrow()
        mayReturn.happen()
        transport.beginGracefulShutdown()
        while try await second.next() != nil {}
        try await second.end()
        try await group.waitForAll()
      }
    }
  }

  @Test("are replaced when the peer drains them, while their RPCs go on")
  func peerDrains() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      // Only at once: no wait of a backoff comes to an end in this test.
      let transport = ReverseTunnelServerTransport(over: network, clock: ManualClock().clock)
      try await withGRPCServer(
        transport: transport,
        services: [ControlService(events: events)]
      ) { server in
        let (old, _) = try await RawTunnelClient.accept(
          over: pair,
          headers: .negotiating(extensions: .drain)
        )
        try await old.send(
          .call(1, ControlCall(.bidirectional, [.signal("started"), .wait("go"), .echo]))
        )
        try await events.wait(for: "started")
        try await old.send(ClientFrame(streamID: .tunnel, payload: .halfClose))

        let (new, _) = try await RawTunnelClient.accept(over: pair)
        _ = try await new.nextOrThrow()
        let state = try await transport.tunnelUpdates.firstElement { $0[0].state.isReady }
        #expect(state.count == 1)
        #expect(state[0].state.replacedTunnel != nil)

        try await old.send(.message(1, [7]))
        try await old.send(.halfClose(1))
        events.happen("go")
        #expect(try await old.readClose(of: 1).rpcCode == .ok)
        try await old.end()

        server.beginGracefulShutdown()
        while try await new.next() != nil {}
        try await new.end()
      }
    }
  }

  @Test("end together in a graceful shutdown, those that are drained already among them")
  func shutdown() async throws {
    let pair = CarrierPair()
    let events = ControlEvents()
    try await withGRPCClient(transport: pair.client) { network in
      try await withGRPCServer(
        transport: .reverseTunnel(over: network),
        services: [ControlService(events: events)]
      ) { server in
        var peers: [RawTunnelClient] = []
        for number in 0 ..< 2 {
          let (peer, _) = try await RawTunnelClient.accept(
            over: pair,
            headers: .negotiating(extensions: .drain)
          )
          try await peer.send(
            .call(1, ControlCall(.unary, [.signal("\(number) started"), .wait("go"), .echo]))
          )
          try await peer.send(.message(1, [7]))
          try await peer.send(.halfClose(1))
          try await events.wait(for: "\(number) started")
          peers.append(peer)
          if number == 0 {
            try await peer.send(ClientFrame(streamID: .tunnel, payload: .halfClose))
          }
        }
        server.beginGracefulShutdown()
        events.happen("go")
        for peer in peers {
          #expect(try await peer.readClose(of: 1).rpcCode == .ok)
          while try await peer.next() != nil {}
          try await peer.end()
        }
      }
    }
  }

  @Test("tell what becomes of them")
  func states() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = ReverseTunnelServerTransport(over: network, clock: clock.clock)
      #expect(transport.tunnels.isEmpty)
      let updates = transport.tunnelUpdates
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await transport.listen { _, _ in } }
        let (first, _) = try await RawTunnelClient.accept(over: pair, headers: nil)
        guard case .connecting = transport.tunnels[0].state else {
          Issue.record("\(transport.tunnels)")
          return
        }
        clock.advance(by: .seconds(3))
        try await first.answer(.negotiating)
        let open = try await updates.firstElement { $0.first?.state.isReady ?? false }[0]
        #expect(open.endpoint == "")
        #expect(open.slot == 0)
        guard case .ready(let since, let tunnel, replacing: nil) = open.state else {
          Issue.record("\(open.state)")
          return
        }
        #expect(since == clock.origin + .seconds(3))

        try await first.end(Status(code: .unavailable, message: "not now"))
        let lost = try await updates.firstElement { $0[0].state.isBackingOff }[0]
        guard case .backingOff(let error, let nextAttempt) = lost.state else { return }
        #expect(error.code == .carrierFailed)
        #expect(error.message == "not now")
        let wait = (clock.origin + .seconds(3)).duration(to: nextAttempt)
        #expect(wait >= .zero && wait < .seconds(1))

        try await clock.waitForSleeper(until: .seconds(3) + wait)
        clock.advance(by: wait)
        let (second, _) = try await RawTunnelClient.accept(over: pair)
        let back = try await updates.firstElement { $0[0].state.isReady }[0]
        #expect(back.state.replacedTunnel == tunnel.id)

        transport.beginGracefulShutdown()
        let ending = transport.tunnels[0].state
        #expect({ if case .draining = ending { true } else { false } }())
        while try await second.next() != nil {}
        try await second.end()
        try await group.waitForAll()
        #expect(transport.tunnels[0].state.isStopped)
        // The sequence ends.
        for await _ in updates {}
      }
    }
  }

  @Test("are given up for good with a code that the policy names, and only then")
  func finalCode() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      var policy = TunnelReconnectPolicy.tiny
      policy.finalCodes = [.permissionDenied]
      let transport = ReverseTunnelServerTransport(over: network, tunnels: 2, reconnect: policy)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let error = await #expect(throws: TunnelError.self) {
            try await transport.listen { _, _ in }
          }
          #expect((error?.cause as? RPCError)?.code == .permissionDenied)
        }
        for code in [Status.Code.unimplemented, .ok, .internalError] {
          let (peer, _) = try await RawTunnelClient.accept(over: pair, headers: nil)
          try await peer.end(Status(code: code, message: "no"))
        }
        // One that is final leaves the other alone.
        let (first, _) = try await RawTunnelClient.accept(over: pair, headers: nil)
        try await first.end(Status(code: .permissionDenied, message: "no"))
        let updates = transport.tunnelUpdates
        _ = try await updates.firstElement { $0.contains { $0.state.isStopped } }
        let (second, _) = try await RawTunnelClient.accept(over: pair, headers: nil)
        try await second.end(Status(code: .permissionDenied, message: "no"))
        try await group.waitForAll()
      }
    }
  }
}
