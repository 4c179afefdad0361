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

/// A tunnel's own RPC must not be subject to a policy of the network client's service config.
@Suite("Policies that apply to a carrier", .timeLimit(.minutes(5)))
struct CarrierPolicyTests {
  enum Policy: CaseIterable {
    case timeout
    case retry
    case hedge

    /// Where the policy applies.
    func config(service: String = "", timeout: Duration = .seconds(60)) -> ServiceConfig {
      switch self {
      case .timeout:
        ServiceConfig(methodConfig: [MethodConfig(service: service, timeout: timeout)])
      case .retry:
        ServiceConfig(
          methodConfig: [MethodConfig(service: service, policy: .retry([.unavailable]))]
        )
      case .hedge:
        ServiceConfig(
          methodConfig: [
            MethodConfig(service: service, policy: .hedge([.unavailable], delay: .seconds(60)))
          ]
        )
      }
    }

    var name: String {
      self == .timeout ? "A timeout policy" : "A retry or hedging policy"
    }
  }

  static let services = ["", "grpctunnel.v1.TunnelService"]

  private static func expect(_ error: TunnelError?, _ policy: Policy, _ method: String) {
    #expect(error?.code == .carrierPolicy)
    #expect(error?.message.contains(policy.name) == true)
    #expect(error?.message.contains("grpctunnel.v1.TunnelService/\(method)") == true)
    #expect((error?.cause as? RPCError)?.code == .failedPrecondition)
  }

  // MARK: - Found by our own ends

  @Test(
    "a forward tunnel fails, for good, with an error that names the policy and the method",
    arguments: Policy.allCases,
    services
  )
  func forward(policy: Policy, service: String) async throws {
    let pair = CarrierPair()
    let tunnels = TunnelService(services: [ControlService(events: ControlEvents())])
    try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
      let transport = ConfiguredClientTransport(
        base: pair.client,
        serviceConfig: policy.config(service: service)
      )
      try await withGRPCClient(transport: transport) { network in
        let (reply, failure) = try await withRunningClient(
          transport: .tunnel(over: network, config: .patient)
        ) { client in
          try await client.call(ControlCall(.unary, [.echo]))
        }
        Self.expect(failure, policy, "OpenTunnel")
        #expect(reply.error?.code == .unavailable)
        #expect(reply.error?.message.contains(policy.name) == true)
      }
    }
  }

  @Test(
    "a reverse tunnel fails, for good, with an error that names the policy and the method",
    arguments: Policy.allCases,
    services
  )
  func reverse(policy: Policy, service: String) async throws {
    let pair = CarrierPair()
    let tunnels = TunnelService(reverseTunnels: ReverseTunnels { _ in "agent" })
    try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
      let transport = ConfiguredClientTransport(
        base: pair.client,
        serviceConfig: policy.config(service: service)
      )
      try await withGRPCClient(transport: transport) { network in
        let error = await #expect(throws: TunnelError.self) {
          try await ReverseTunnelServerTransport(over: network, config: .patient)
            .listen { _, _ in }
        }
        Self.expect(error, policy, "OpenReverseTunnel")
      }
    }
  }

  @Test("the service config of an HTTP/2 client is no other", arguments: Policy.allCases)
  func http2(policy: Policy) async throws {
    let tunnels = TunnelService(services: [ControlService(events: ControlEvents())])
    try await withGRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .plaintext
      ),
      services: [tunnels]
    ) { server in
      let address = try #require(try await server.listeningAddress?.ipv4)
      try await withGRPCClient(
        transport: try .http2NIOPosix(
          target: .ipv4(address: address.host, port: address.port),
          transportSecurity: .plaintext,
          serviceConfig: policy.config()
        )
      ) { network in
        let (_, failure) = try await withRunningClient(
          transport: .tunnel(over: network, config: .patient)
        ) { client in
          try await client.call(ControlCall(.unary, [.echo]))
        }
        Self.expect(failure, policy, "OpenTunnel")
      }
    }
  }

  @Test("policies for other services do no harm", arguments: Policy.allCases)
  func otherServices(policy: Policy) async throws {
    let pair = CarrierPair()
    let tunnels = TunnelService(services: [ControlService(events: ControlEvents())])
    try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
      let transport = ConfiguredClientTransport(
        base: pair.client,
        serviceConfig: policy.config(service: ControlService.name)
      )
      try await withGRPCClient(transport: transport) { network in
        try await withGRPCClient(transport: .tunnel(over: network)) { client in
          let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[1]]))
          #expect(reply.messages == [[1]])
        }
      }
    }
  }

  // MARK: - Found at the network client alone

  /// How far a peer goes that does not look for policies.
  enum Progress: CaseIterable {
    case silent
    case headers
    case open
  }

  @Test("a forward tunnel that a timeout policy ends says so", arguments: Progress.allCases)
  func timeoutOfForward(progress: Progress) async throws {
    let pair = CarrierPair()
    let transport = ConfiguredClientTransport(
      base: pair.client,
      serviceConfig: Policy.timeout.config(timeout: .milliseconds(50))
    )
    try await withGRPCClient(transport: transport) { network in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          // However late it comes, or never.
          let accepted = try? await RawTunnelServer.accept(
            over: pair,
            headers: progress == .silent ? nil : .negotiating
          )
          if progress == .open { try? await accepted?.peer.send(.settings(.zero, .one)) }
        }
        let (reply, failure) = try await withRunningClient(
          transport: .tunnel(over: network, config: .patient)
        ) { client in
          try await client.call(ControlCall(.unary, [.echo]))
        }
        Self.expect(failure, .timeout, "OpenTunnel")
        #expect(reply.error?.code == .unavailable)
        group.cancelAll()
      }
    }
  }

  @Test("a reverse tunnel that a timeout policy ends says so", arguments: Progress.allCases)
  func timeoutOfReverse(progress: Progress) async throws {
    let pair = CarrierPair()
    let transport = ConfiguredClientTransport(
      base: pair.client,
      serviceConfig: Policy.timeout.config(timeout: .milliseconds(50))
    )
    try await withGRPCClient(transport: transport) { network in
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          let accepted = try? await RawTunnelClient.accept(
            over: pair,
            headers: progress == .silent ? nil : .negotiating
          )
          if progress == .open {
            try? await accepted?.peer.send(.call(1, ControlCall(.unary, [])))
          }
        }
        let reverse = ReverseTunnelServerTransport(over: network)
        let failure = await #expect(throws: TunnelError.self) {
          // The handler of an RPC hears of it: its read fails.
          try await reverse.listen { stream, _ in
            try? await stream.inbound.reduce(into: ()) { _, _ in }
          }
        }
        Self.expect(failure, .timeout, "OpenReverseTunnel")
        group.cancelAll()
      }
    }
  }

  @Test("a tunnel that was tried before, by what its response says, is given up")
  func responseOfLaterAttempt() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let (_, failure) = try await withRunningClient(
        transport: .tunnel(over: network)
      ) { client in
        async let reply = client.call(ControlCall(.unary, [.echo]))
        var headers = Metadata.negotiating
        headers.addString("1", forKey: "grpc-previous-rpc-attempts")
        let (peer, _) = try await RawTunnelServer.accept(over: pair, headers: headers)
        await #expect(throws: (any Error).self) { try await peer.nextOrThrow() }
        return try await reply
      }
      Self.expect(failure, .retry, "OpenTunnel")
    }
  }

  @Test("a tunnel that its own end gives up, by cancellation, blames no policy")
  func cancellation() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      for _ in 0 ..< 50 {
        let transport = TunnelClientTransport(over: network)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await transport.connect() }
          let (peer, _) = try await RawTunnelServer.accept(over: pair)
          group.cancelAll()
          try await group.waitForAll()
          try await peer.waitUntilReset()
        }
      }
    }
  }

  // MARK: - Found at the network server

  @Test(
    "a server refuses a carrier with a deadline, or that was tried before, from a peer like ours",
    arguments: ["OpenTunnel", "OpenReverseTunnel"],
    [("grpc-timeout", "60S", Policy.timeout), ("grpc-previous-rpc-attempts", "1", .retry)]
  )
  func refusal(method: String, header: (key: String, value: String, policy: Policy)) async throws {
    let pair = CarrierPair()
    let tunnels = TunnelService(
      services: [ControlService(events: ControlEvents())],
      reverseTunnels: ReverseTunnels { _ in "agent" }
    )
    try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
      var headers = Metadata.negotiating(extensions: .drain)
      headers.addString(header.value, forKey: header.key)
      let status: Status?
      switch method {
      case "OpenTunnel":
        status = try await RawTunnelClient.dial(over: pair, headers: headers).readStatus()
      default:
        status = try await RawTunnelServer.dial(over: pair, headers: headers).readStatus()
      }
      #expect(status?.code == .failedPrecondition)
      #expect(status?.message.contains(header.policy.name) == true)
      #expect(status?.message.contains(method) == true)

      // Another implementation may do both.
      headers = .negotiating
      headers.addString(header.value, forKey: header.key)
      switch method {
      case "OpenTunnel":
        let peer = try await RawTunnelClient.dial(over: pair, headers: headers)
        #expect(try await peer.nextOrThrow().streamID == .tunnel)
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      default:
        let peer = try await RawTunnelServer.dial(over: pair, headers: headers)
        #expect(try await peer.receiveHeaders().strings("grpctunnel-negotiate") == ["on"])
        peer.halfClose()
        #expect(try await peer.readStatus()?.code == .ok)
      }
    }
  }
}
