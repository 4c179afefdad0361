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

@Suite("A peer that no longer answers (PROTOCOL.md 11)", .timeLimit(.minutes(5)))
struct LivenessTests {
  /// Lets time pass until the tunnel, which was opened at 0 s and heard nothing since, is probed.
  private static func passUntilProbe(_ clock: ManualClock, _ recorder: FrameRecorder) async throws {
    // The timer of the handshake is still slept for.
    try await clock.waitForSleeper(until: .seconds(10))
    clock.advance(by: .seconds(10))
    try await clock.waitForSleeper(until: .seconds(30))
    clock.advance(by: .seconds(20))
    try await recorder.wait { $0.isProbe }
  }

  private static func passUntilDead(_ clock: ManualClock) async throws {
    try await clock.waitForSleeper(until: .seconds(40))
    clock.advance(by: .seconds(10))
  }

  private static let call = ControlCall(
    .unary,
    [.signal("started"), .wait("go")],
    options: .defaults { $0.waitForReady = false }
  )

  // MARK: - Forward

  @Test("ends a forward tunnel, though its connection lives", arguments: [false, true])
  func forward(reconnects: Bool) async throws {
    let recorder = FrameRecorder()
    let pair = CarrierPair(record: recorder.record)
    let clock = ManualClock()
    let events = ControlEvents()
    let service = TunnelService(services: [ControlService(events: events)])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = TunnelClientTransport(
          over: network,
          reconnect: reconnects ? .defaults : nil,
          clock: clock.clock
        )
        let (_, failure) = try await withRunningClient(transport: transport) { client in
          async let reply = client.call(Self.call)
          try await events.wait(for: "started")
          pair.stall()
          try await Self.passUntilProbe(clock, recorder)
          #expect(transport.state.isReady)
          try await Self.passUntilDead(clock)

          let error = try await reply.error
          #expect(error?.code == .unavailable)
          #expect(error?.message.contains("liveness probe") == true)
          let state = try await transport.states.firstElement { !$0.isReady }
          if case .backingOff(let error, _) = state {
            #expect(reconnects)
            #expect(error.code == .peerFault)
          } else {
            #expect(!reconnects)
          }
          events.happen("go")
          pair.resume()
        }
        #expect(failure?.code == (reconnects ? nil : .peerFault))
        if !reconnects {
          #expect(failure?.message.contains("liveness probe") == true)
        }
      }
    }
  }

  @Test("is not taken for one that answers probes but has nothing to say")
  func quietPeer() async throws {
    let recorder = FrameRecorder()
    let pair = CarrierPair(record: recorder.record)
    let clock = ManualClock()
    let service = TunnelService(services: [ControlService(events: ControlEvents())])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        let transport = TunnelClientTransport(over: network, clock: clock.clock)
        try await withGRPCClient(transport: transport) { client in
          _ = try await transport.states.firstElement { $0.isReady }
          try await Self.passUntilProbe(clock, recorder)
          try await recorder.wait { frame in
            if case .fromTunnelServer(let frame) = frame { frame.closeStatus != nil } else { false }
          }
          // The timer of the probe may be slept for, or the next already; neither ends the tunnel.
          try await clock.waitForSleeper(until: .seconds(40) ... .seconds(60))
          clock.advance(by: .seconds(10))
          let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[1]]))
          #expect(reply.messages == [[1]])
        }
      }
    }
  }

  @Test("is not looked for where probes are switched off")
  func switchedOff() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(
        over: network,
        config: .defaults { $0.liveness.probeInterval = nil },
        clock: clock.clock
      )
      let (_, failure) = try await withRunningClient(transport: transport) { client in
        let (peer, _) = try await RawTunnelServer.accept(over: pair)
        try await peer.send(.settings(.zero, .one))
        _ = try await transport.states.firstElement { $0.isReady }
        clock.advance(by: .seconds(3600))
        // What comes next on the carrier is this RPC, and no probe.
        async let reply = client.call(ControlCall(.unary, [.echo]))
        let (id, newStream) = try await peer.readNewStream()
        #expect(newStream.methodName == "/\(RPCKind.unary.controlMethod.fullyQualifiedMethod)")
        try await peer.answer(id, [2])
        #expect(try await reply.messages == [[2]])
        client.beginGracefulShutdown()
        while try await peer.next() != nil {}
        try await peer.end()
      }
      #expect(failure == nil)
    }
  }

  // MARK: - Reverse

  @Test("ends a reverse tunnel, which leaves the pool, and comes back when the peer does")
  func reverse() async throws {
    let recorder = FrameRecorder()
    let pair = CarrierPair(record: recorder.record)
    let clock = ManualClock()
    let events = ControlEvents()
    let agents = ReverseTunnels(clock: clock.clock) { _ in "agent" }
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      try await withGRPCClient(transport: pair.client) { network in
        try await withGRPCServer(
          transport: .reverseTunnel(over: network, reconnect: .tiny),
          services: [ControlService(events: events)]
        ) { _ in
          try await agents.waitUntilReady()
          var changes = agents.events.makeAsyncIterator()
          try await withGRPCClient(transport: agents.transport) { client in
            async let reply = client.call(Self.call)
            try await events.wait(for: "started")
            pair.stall()
            try await Self.passUntilProbe(clock, recorder)
            try await Self.passUntilDead(clock)
            #expect(try await reply.error?.code == .unavailable)
            guard case .closed(_, _, let closure)? = await changes.next() else {
              Issue.record("The tunnel was not closed.")
              return
            }
            #expect(closure.side == .local)
            #expect(closure.error?.code == .peerFault)
            #expect(closure.error?.message.contains("liveness probe") == true)
            #expect(agents.tunnels.isEmpty)
            let late = try await client.call(Self.call)
            #expect(late.error?.code == .unavailable)

            events.happen("go")
            pair.resume()
            try await agents.waitUntilReady()
          }
        }
      }
    }
  }
}

extension FrameRecorder.Frame {
  fileprivate var isProbe: Bool {
    guard case .fromTunnelClient(let frame) = self, case .newStream(let newStream) = frame.payload
    else { return false }
    return newStream.methodName == "/\(TunnelServerStateMachine.probeMethod)"
  }
}
