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
internal import GRPCTunnelNIO
internal import GRPCTunnelTestSupport
internal import Logging
internal import Testing

@Suite("How a tunnel over HTTP/2 says that it ended", .timeLimit(.minutes(5)))
struct HTTP2ClosureTests {
  /// The end of the network that is cancelled, with its connections.
  enum Gone: CaseIterable {
    case networkClient
    case networkServer
  }

  @Test(
    "tells of a loss at the end that is left",
    arguments: TestTunnel.Direction.allCases,
    Gone.allCases
  )
  func loss(direction: TestTunnel.Direction, gone: Gone) async throws {
    let tunnelClient = LogRecorder()
    let tunnelServer = LogRecorder()
    let failures = FailureRecorder()
    let events = ControlEvents()
    let isForward = direction == .forward
    let agents = ReverseTunnels(observability: tunnelClient.observability) { _ in "agent" }
    let services = [ControlService(events: events)]
    let tunnels =
      isForward
      ? TunnelService(
        services: services,
        interceptors: [failures],
        observability: tunnelServer.observability
      ) : TunnelService(reverseTunnels: agents)
    let server = GRPCServer(
      transport: HTTP2ServerTransport.Posix(
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .plaintext
      ),
      services: [tunnels]
    )
    let call = ControlCall(.bidirectional, [.signal("started"), .drain])
    let cancellation = OneShotEvent()

    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await Self.run(until: gone == .networkServer ? cancellation : nil) {
          try await server.serve()
        }
      }
      let address = try #require(try await server.listeningAddress?.ipv4)
      let network = GRPCClient(
        transport: try HTTP2ClientTransport.Posix(
          target: .ipv4(address: address.host, port: address.port),
          transportSecurity: .plaintext
        )
      )
      group.addTask {
        await Self.run(until: gone == .networkClient ? cancellation : nil) {
          try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await network.runConnections() }
            if isForward {
              let client = GRPCClient(
                transport: .tunnel(
                  over: network,
                  config: .patient,
                  observability: tunnelClient.observability
                )
              )
              group.addTask { try? await client.runConnections() }
              group.addTask { await failures.call(client, call, never: events) }
            } else {
              let server = GRPCServer(
                transport: .reverseTunnel(
                  over: network,
                  config: .patient,
                  observability: tunnelServer.observability
                ),
                services: services,
                interceptors: [failures]
              )
              group.addTask { try await server.serve() }
            }
            try await group.waitForAll()
          }
        }
      }
      if !isForward {
        group.addTask {
          try await agents.waitUntilReady()
          try await withGRPCClient(transport: agents.transport) {
            await failures.call($0, call, never: events)
          }
        }
      }
      try await events.wait(for: "started")
      cancellation.fire()
      let isClientGone = isForward == (gone == .networkClient)
      let (goneLog, leftLog) =
        isClientGone ? (tunnelClient, tunnelServer) : (tunnelServer, tunnelClient)
      let own = try await goneLog.line("tunnel closed")
      #expect(own.level == .info)
      #expect(own[.side] == "local")
      #expect(own[.reason] == "its task was cancelled")
      let lost = try await leftLog.line("tunnel closed")
      #expect(lost[.side] == "remote")
      if let reason = lost[.reason], reason != "drained" {
        #expect(lost.level == .warning)
        #expect(reason.hasPrefix("Stream unexpectedly closed"))
        #expect(lost[.code] == "UNAVAILABLE")
      } else {
        // A client that gives its carrier up may still half-close it: that is an orderly end.
        #expect(gone == .networkClient)
        #expect(lost.level == .info)
      }
      // The RPC that was open fails, too.
      _ = try await failures.first
      group.cancelAll()
    }
  }

  private static func run(
    until event: OneShotEvent?,
    _ body: @Sendable @escaping () async throws -> Void
  ) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await body() }
      if let event { group.addTask { try? await event.wait() } }
      await group.next()
      group.cancelAll()
    }
  }
}

extension FailureRecorder {
  fileprivate func call(
    _ client: GRPCClient<some ClientTransport>,
    _ call: ControlCall,
    never events: ControlEvents
  ) async {
    do {
      try await client.bidirectionalStreaming(
        request: StreamingClientRequest<[UInt8]>(metadata: call.requestMetadata) { _ in
          try await events.wait(for: "never")
        },
        descriptor: call.kind.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        for try await _ in response.messages {}
      }
    } catch {
      self.record(error)
    }
  }
}
