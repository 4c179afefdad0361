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
internal import GRPCTunnelTestSupport
internal import Testing

@testable internal import GRPCTunnel

@Suite("A tunnel that does not suit RPCs", .timeLimit(.minutes(5)))
struct UnsuitableTunnelTests {
  enum Reason: CaseIterable {
    case full
    case silent
    case seemsToDrain
    case drainsHere
    case drainsThere
    case takesNothing
    case lost

    /// Whether the tunnel may suit later.
    var mayPass: Bool {
      switch self {
      case .full, .silent, .seemsToDrain: true
      case .drainsHere, .drainsThere, .takesNothing, .lost: false
      }
    }
  }

  private let tunnels = HandTunnels()

  private func open(for reason: Reason) -> HandTunnel {
    self.tunnels.open(
      // An older peer only hints at a drain.
      extensions: reason == .seemsToDrain ? [] : [.drain, .refused],
      maximumConcurrentStreams: reason == .full ? 1 : 1000
    )
  }

  /// - Returns: What makes the tunnel suit again, or ends it.
  private func spoil(_ tunnel: HandTunnel, for reason: Reason) async throws -> @Sendable () -> Void
  {
    switch reason {
    case .full:
      try await tunnel.session.reserveStream()
      return { tunnel.session.cancelReservation() }
    case .silent:
      return tunnel.probe()
    case .seemsToDrain:
      try await tunnel.session.reserveStream()
      let stream = ClientStream(
        session: tunnel.session,
        call: ClientCall(RPCKind.unary.controlMethod, .defaults, now: .zero)
      )
      try await stream.send(.part(.metadata([:])))
      let (id, _) = try await tunnel.nextStream()
      tunnel.refuse(id, "server is shutting down", isUnprocessed: false)
      stream.release()
      let (probe, _) = try await tunnel.nextStream()
      return { tunnel.receive(.close(probe)) }
    case .drainsHere:
      tunnel.session.beginDrain()
    case .drainsThere:
      tunnel.receive(
        ServerFrame(streamID: .tunnel, payload: .drain(Drain(lastStreamID: 0)))
      )
    case .takesNothing:
      tunnel.session.update { machine in
        machine.outputFailed(TunnelEnd(initiator: .remote, error: nil), now: .zero)
        return ((), .tunnel)
      }
    case .lost:
      tunnel.lose()
    }
    return {}
  }

  @Test("is skipped when another one does", arguments: Reason.allCases)
  func skipped(reason: Reason) async throws {
    let (unsuitable, other) = (self.open(for: reason), self.tunnels.open())
    _ = try await self.spoil(unsuitable, for: reason)
    try await self.tunnels.withClient { client in
      for _ in 0 ..< 4 {
        async let reply = client.call(ControlCall(.unary, [.echo]))
        other.answer(try await other.nextStream().id, [9])
        #expect(try await reply.messages == [[9]])
      }
    }
  }

  @Test("is waited for when it is the only one and may suit later", arguments: Reason.allCases)
  func only(reason: Reason) async throws {
    let unsuitable = self.open(for: reason)
    let mend = try await self.spoil(unsuitable, for: reason)
    try await self.tunnels.withClient { client in
      async let reply = client.call(ControlCall(.unary, [.echo]))
      if reason.mayPass {
        try await self.tunnels.waitForWaiter()
        mend()
        unsuitable.answer(try await unsuitable.nextControlCall().id, [9])
        #expect(try await reply.messages == [[9]])
      } else {
        #expect(try await reply.error?.code == .unavailable)
      }
    }
  }

  @Test("fails those who wait for it when it is lost instead", arguments: Reason.allCases)
  func lost(reason: Reason) async throws {
    guard reason.mayPass else { return }
    let unsuitable = self.open(for: reason)
    _ = try await self.spoil(unsuitable, for: reason)
    try await self.tunnels.withClient { client in
      async let reply = client.call(ControlCall(.unary, [.echo]))
      try await self.tunnels.waitForWaiter()
      unsuitable.lose()
      #expect(try await reply.error?.code == .unavailable)
    }
  }
}

extension HandTunnel {
  /// Asks the peer for a sign of life.
  ///
  /// - Returns: What gives it.
  fileprivate func probe() -> @Sendable () -> Void {
    let now = self.session.clock.now()
    let id = self.session.update { machine in
      machine.probe(now: now)
      return (machine.lastStreamID, .tunnel)
    }
    return { self.receive(.close(id)) }
  }

  /// Takes frames until a stream of the test's service is started.
  fileprivate func nextControlCall() async throws -> (id: StreamID, newStream: NewStream) {
    while true {
      let next = try await self.nextStream()
      if next.newStream.methodName.contains(ControlService.name) { return next }
    }
  }
}
