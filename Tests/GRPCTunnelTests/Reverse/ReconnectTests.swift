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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("A reverse server that is disconnected", .timeLimit(.minutes(5)))
struct ReconnectTests {
  @Test("opens a tunnel again, and serves through it")
  func reconnects() async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        try await withGRPCClient(transport: network.agents.transport(forKey: "shop")) { client in
          for number in 1 ... 3 {
            let reply = try await client.call(
              ControlCall(
                .unary,
                [.echo],
                messages: [[UInt8(number)]],
                options: .defaults { $0.waitForReady = true }
              )
            )
            #expect(reply.messages == [[UInt8(number)]])
            var events = network.agents.events.makeAsyncIterator()
            network.pair.cut()
            // An RPC can be over before it is told that its tunnel is there.
            while let event = await events.next() {
              if case .closed = event { break }
            }
            network.pair.mend()
          }
          // Whatever was tried meanwhile, one tunnel is there in the end.
          try await network.agents.waitUntilReady(forKey: "shop")
          #expect(network.agents.tunnels.count == 1)
        }
      }
    }
  }

  @Test("waits as its backoff says, on its clock")
  func backoff() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = ReverseTunnelServerTransport(
        over: network,
        reconnect: .tiny,
        clock: clock.clock
      )
      try await withGRPCServer(transport: transport, services: []) { _ in
        for number in 0 ..< 5 {
          let (peer, _) = try await RawTunnelClient.accept(over: pair)
          _ = try await peer.nextOrThrow()
          try await peer.end(Status(code: .unavailable, message: "not now"))
          let now = Duration.milliseconds(number)
          try await clock.waitForSleeper(until: now ... now + .milliseconds(1))
          clock.advance(by: .milliseconds(1))
        }
        let (peer, _) = try await RawTunnelClient.accept(over: pair)
        try await peer.end()
      }
    }
  }

  @Test("stops at once when it is shut down while it waits to dial again")
  func shutdownWhileWaiting() async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = ReverseTunnelServerTransport(
        over: network,
        reconnect: .endless,
        clock: clock.clock
      )
      // Returns when the server has returned.
      try await withGRPCServer(transport: transport, services: []) { server in
        let (peer, _) = try await RawTunnelClient.accept(over: pair)
        try await peer.end(Status(code: .unavailable, message: "not now"))
        server.beginGracefulShutdown()
      }
    }
  }

  @Test("is shut down before it runs, and does not dial")
  func shutdownBeforeListening() async throws {
    let pair = CarrierPair()
    let transport = ReverseTunnelServerTransport(over: GRPCClient(transport: pair.client))
    transport.beginGracefulShutdown()
    try await transport.listen { _, _ in }
    #expect(pair.openCount == 0)
  }
}

extension TunnelReconnectPolicy {
  /// Far more waiting than a test takes.
  fileprivate static var endless: TunnelReconnectPolicy {
    var policy = TunnelReconnectPolicy.defaults
    policy.backoff.initial = .seconds(1_000_000_000)
    policy.backoff.maximum = .seconds(1_000_000_000)
    return policy
  }
}
