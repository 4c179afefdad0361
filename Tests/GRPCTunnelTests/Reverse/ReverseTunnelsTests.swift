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

@Suite("ReverseTunnels", .timeLimit(.minutes(5)))
struct ReverseTunnelsTests {
  // MARK: - Keys

  @Test("a tunnel without the key's header is refused", arguments: [nil, ""])
  func missingKey(value: String?) async throws {
    let pair = CarrierPair()
    let service = TunnelService(reverseTunnels: ReverseTunnels(keyHeader: "agent-id"))
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      var headers = Metadata.negotiating
      if let value { headers.addString(value, forKey: "agent-id") }
      let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
      let error = await #expect(throws: RPCError.self) { try await peer.receiveHeaders() }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains("agent-id") == true)
    }
  }

  @Test("the key function may refuse a tunnel with an error of its own")
  func refusedByKeyFunction() async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels<String> { request in
      #expect(request.metadata.strings("token") == ["wrong"])
      #expect(request.remotePeer == "client")
      throw RPCError(code: .permissionDenied, message: "no")
    }
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { _ in
      var headers = Metadata.negotiating
      headers.addString("wrong", forKey: "token")
      let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
      let error = await #expect(throws: RPCError.self) { try await peer.receiveHeaders() }
      #expect(error?.code == .permissionDenied)
      #expect(error?.message == "no")
    }
    #expect(agents.tunnels.isEmpty)
  }

  /// What ends the wait for a key function that does not return by itself.
  enum EndOfWait: CaseIterable {
    case time
    case client
    case shutdown
  }

  @Test("a key function that takes too long is cancelled", arguments: EndOfWait.allCases)
  func slowKeyFunction(end: EndOfWait) async throws {
    let pair = CarrierPair()
    let clock = ManualClock()
    let (isAsked, isCancelled) = (OneShotEvent(), OneShotEvent())
    let agents = ReverseTunnels<String>(clock: clock.clock) { _ in
      isAsked.fire()
      try? await OneShotEvent().wait()
      isCancelled.fire()
      return "too late"
    }
    try await withGRPCServer(
      transport: pair.server,
      services: [TunnelService(reverseTunnels: agents)]
    ) { server in
      let peer = try await RawTunnelServer.dial(over: pair)
      try await isAsked.wait()
      switch end {
      case .time:
        try await clock.waitForSleeper(until: .seconds(10))
        clock.advance(by: .seconds(10))
      case .client:
        peer.cancel()
      case .shutdown:
        server.beginGracefulShutdown()
      }
      try await isCancelled.wait()
      let error = await #expect(throws: (any Error).self) { try await peer.receiveHeaders() }
      if end != .client { #expect((error as? RPCError)?.code == .unavailable) }
    }
    #expect(agents.tunnels.isEmpty)
  }

  // MARK: - Switched off

  @Test("a service without reverse tunnels refuses them with UNIMPLEMENTED")
  func switchedOff() async throws {
    let pair = CarrierPair()
    let service = TunnelService(services: [ControlService(events: ControlEvents())])
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      let peer = try await RawTunnelServer.dial(over: pair)
      let error = await #expect(throws: RPCError.self) { try await peer.receiveHeaders() }
      #expect(error?.code == .unimplemented)
    }
  }

  @Test("a registry may refuse tunnels for a while, and keeps those that are there")
  func refusal() async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        network.agents.refusal = RPCError(code: .unavailable, message: "not now")
        var headers = Metadata.negotiating
        headers.addString("office", forKey: "agent-id")
        let refused = try await RawTunnelServer.dial(over: network.pair, headers: headers)
        let error = await #expect(throws: RPCError.self) { try await refused.receiveHeaders() }
        #expect(error?.code == .unavailable)
        #expect(error?.message == "not now")
        #expect(network.agents.isReady(forKey: "shop"))

        network.agents.refusal = nil
        let taken = try await RawTunnelServer.dial(over: network.pair, headers: headers)
        _ = try await taken.receiveHeaders()
        taken.halfClose()
        _ = try await taken.readStatus()
      }
    }
  }

  // MARK: - Transports

  @Test("RPCs without a tunnel fail, naming the key")
  func noTunnel() async throws {
    let agents = ReverseTunnels(keyHeader: "agent-id")
    let client = GRPCClient(transport: agents.transport(forKey: "shop-42"))
    let reply = try await client.call(
      ControlCall(.unary, [.echo], options: .defaults { $0.waitForReady = false })
    )
    #expect(reply.error?.code == .unavailable)
    #expect(reply.error?.message.contains("shop-42") == true)
  }

  @Test("RPCs that wait for readiness get the tunnel that comes")
  func waitForReady() async throws {
    try await AgentNetwork.run { network in
      try await withGRPCClient(transport: network.agents.transport(forKey: "b")) { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            let reply = try await client.call(
              ControlCall(
                .unary,
                [.echo],
                messages: [[1]],
                options: .defaults { $0.waitForReady = true }
              )
            )
            #expect(reply.messages == [[1]])
            network.events.happen("replied")
          }
          try await network.withAgent(key: "a", name: "first") {
            try await network.withAgent(key: "b", name: "second") {
              try await network.events.wait(for: "replied")
            }
          }
          #expect(network.count(of: "first") == 0)
          #expect(network.count(of: "second") == 1)
          try await group.waitForAll()
        }
      }
    }
  }

  @Test("the tunnels of a key take turns, and those of other keys are left alone")
  func roundRobin() async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        try await network.withAgent(key: "shop", name: "second") {
          try await network.withAgent(key: "office", name: "third") {
            try await withGRPCClient(transport: network.agents.transport(forKey: "shop")) {
              client in
              for _ in 0 ..< 10 {
                let reply = try await client.call(ControlCall(.unary, [.echo]))
                #expect(reply.error == nil)
              }
            }
            #expect(network.count(of: "first") == 5)
            #expect(network.count(of: "second") == 5)
            #expect(network.count(of: "third") == 0)

            try await withGRPCClient(transport: network.agents.transport) { client in
              for _ in 0 ..< 9 {
                _ = try await client.call(ControlCall(.unary, [.echo]))
              }
            }
            #expect(network.count(of: "first") == 8)
            #expect(network.count(of: "second") == 8)
            #expect(network.count(of: "third") == 3)
          }
        }
      }
    }
  }

  @Test("where lengths differ, the tunnel that carries the fewest is chosen")
  func leastOutstanding() async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        try await network.withAgent(key: "shop", name: "second") {
          let transport = network.agents.transport(forKey: "shop", picker: .leastOutstanding)
          try await withGRPCClient(transport: transport) { client in
            async let long = client.call(
              ControlCall(.unary, [.signal("started"), .wait("let go"), .echo])
            )
            try await network.events.wait(for: "started")
            let busy = network.count(of: "first") == 1 ? "first" : "second"
            for _ in 0 ..< 5 {
              _ = try await client.call(ControlCall(.unary, [.echo]))
            }
            #expect(network.count(of: busy) == 1)
            network.events.happen("let go")
            #expect(try await long.error == nil)
          }
        }
      }
    }
  }

  @Test("the service config of a transport retries its RPCs")
  func serviceConfig() async throws {
    let policy = RetryPolicy(
      maxAttempts: 3,
      initialBackoff: .milliseconds(1),
      maxBackoff: .milliseconds(1),
      backoffMultiplier: 1,
      retryableStatusCodes: [.aborted]
    )
    let config = ServiceConfig(
      methodConfig: [
        MethodConfig(
          names: [MethodConfig.Name(service: ControlService.name)],
          executionPolicy: .retry(policy)
        )
      ]
    )
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        let call = ControlCall(.unary, [.fail(RPCError.Code.aborted.rawValue, "again")])
        for (config, count) in [(config, 3), (ServiceConfig(), 1)] {
          let before = network.count(of: "first")
          let transport = network.agents.transport(forKey: "shop", serviceConfig: config)
          try await withGRPCClient(transport: transport) { client in
            let reply = try await client.call(call)
            #expect(reply.error?.code == .aborted)
          }
          #expect(network.count(of: "first") - before == count)
        }
      }
    }
  }

  @Test(
    "a transport for one tunnel uses no other, and fails when it is gone",
    arguments: [false, true]
  )
  func oneTunnel(waitsForReady: Bool) async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        let first = try #require(network.agents.tunnels.first)
        #expect(first.key == "shop")
        #expect(first.tunnel.direction == .reverse)
        #expect(first.tunnel.remotePeer == "client")
        #expect(first.tunnel.metadata.strings("agent-id") == ["shop"])

        try await network.withAgent(key: "shop", name: "second") {
          let second = try #require(network.agents.tunnels.last)
          try await withGRPCClient(
            transport: network.agents.transport(forTunnel: second.tunnel.id)
          ) { client in
            for _ in 0 ..< 3 {
              _ = try await client.call(ControlCall(.unary, [.echo]))
            }
          }
          #expect(network.count(of: "first") == 0)
          #expect(network.count(of: "second") == 3)
        }
      }

      let gone = try #require(network.goneTunnel)
      let client = GRPCClient(transport: network.agents.transport(forTunnel: gone))
      // It never comes back: there is nothing to wait for.
      let reply = try await client.call(
        ControlCall(.unary, [.echo], options: .defaults { $0.waitForReady = waitsForReady })
      )
      #expect(reply.error?.code == .unavailable)
      #expect(reply.error?.message.contains("\(gone)") == true)
    }
  }

  @Test("a transport that shuts down lets its RPCs end, and leaves the tunnels")
  func transportShutdown() async throws {
    try await AgentNetwork.run { network in
      try await network.withAgent(key: "shop", name: "first") {
        try await withGRPCClient(transport: network.agents.transport) { client in
          async let reply = client.call(
            ControlCall(.unary, [.signal("started"), .wait("let go"), .echo], messages: [[1]])
          )
          try await network.events.wait(for: "started")
          client.beginGracefulShutdown()
          network.events.happen("let go")
          #expect(try await reply.messages == [[1]])
        }
        #expect(network.agents.isReady)
      }
    }
  }

  // MARK: - Readiness and events

  @Test("a registry is ready while tunnels are")
  func readiness() async throws {
    try await AgentNetwork.run { network in
      #expect(!network.agents.isReady)
      #expect(!network.agents.isReady(forKey: "shop"))
      try await network.withAgent(key: "shop", name: "first") {
        #expect(network.agents.isReady)
        #expect(network.agents.isReady(forKey: "shop"))
        #expect(!network.agents.isReady(forKey: "office"))
        try await network.agents.waitUntilReady()
        try await network.agents.waitUntilReady(forKey: "shop")
      }
    }
  }

  @Test("waiting for readiness ends with its task")
  func readinessCancelled() async throws {
    let agents = ReverseTunnels(keyHeader: "agent-id")
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await #expect(throws: CancellationError.self) { try await agents.waitUntilReady() }
      }
      group.addTask {
        await #expect(throws: CancellationError.self) {
          try await agents.waitUntilReady(forKey: "shop")
        }
      }
      group.cancelAll()
    }
  }

  @Test("a tunnel is ready while all its places are taken: RPCs then wait for one")
  func readinessOfFullTunnels() async throws {
    let config = TunnelConfig.defaults { $0.limits.maximumConcurrentStreams = 1 }
    try await AgentNetwork.run(config: config) { network in
      try await network.withAgent(key: "shop", name: "first") {
        try await withGRPCClient(transport: network.agents.transport) { client in
          async let reply = client.call(
            ControlCall(.unary, [.signal("started"), .wait("let go"), .echo])
          )
          try await network.events.wait(for: "started")
          #expect(network.agents.isReady)
          try await network.agents.waitUntilReady()
          async let next = client.call(ControlCall(.unary, [.echo]))
          network.events.happen("let go")
          #expect(try await reply.error == nil)
          #expect(try await next.error == nil)
        }
      }
    }
  }

  @Test("events tell when tunnels come and go")
  func events() async throws {
    let network = AgentNetwork()
    var events = network.agents.events.makeAsyncIterator()
    try await network.serve {
      try await network.withAgent(key: "shop", name: "first") {}
    }
    guard case .opened(let opened, key: "shop")? = await events.next() else {
      Issue.record("The tunnel was not opened.")
      return
    }
    guard case .draining(let draining, key: "shop", side: .remote)? = await events.next() else {
      Issue.record("The tunnel did not drain.")
      return
    }
    guard case .closed(let closed, key: "shop", closure: let closure)? = await events.next() else {
      Issue.record("The tunnel was not closed.")
      return
    }
    #expect(opened.id == draining.id)
    #expect(opened.id == closed.id)
    #expect(closure.side == .remote)
    #expect(closure.error == nil)
  }

  @Test("a tunnel that was never open has no events")
  func noEvents() async throws {
    let pair = CarrierPair()
    let agents = ReverseTunnels(keyHeader: "agent-id")
    let watched = agents.events
    let service = TunnelService(reverseTunnels: agents)
    try await withGRPCServer(transport: pair.server, services: [service]) { _ in
      var headers = Metadata.negotiating
      headers.addString("shop", forKey: "agent-id")
      let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
      _ = try await peer.receiveHeaders()
      #expect(!agents.isReady)
      peer.halfClose()
      _ = try await peer.readStatus()

      let next = try await RawTunnelServer.dial(over: pair, headers: headers)
      try await next.send(.settings(.one))
      try await agents.waitUntilReady()
      next.halfClose()
      _ = try await next.readStatus()
    }
    var events = watched.makeAsyncIterator()
    guard case .opened(let opened, key: _)? = await events.next(),
      case .closed(let closed, key: _, closure: _)? = await events.next()
    else {
      Issue.record("The second tunnel's events are missing.")
      return
    }
    #expect(opened.id == closed.id)
  }
}
