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
internal import Testing

@Suite("The defaults for HTTP/2", .timeLimit(.minutes(5)))
struct TunnelDefaultsTests {
  private let client = HTTP2ClientTransport.Posix.Config.tunnelDefaults
  private let server = HTTP2ServerTransport.Posix.Config.tunnelDefaults

  @Test("keep idle tunnels alive without offending anybody (PROTOCOL.md 11)")
  func keepalive() throws {
    let pings = try #require(self.client.connection.keepalive)
    // Servers of other libraries close a client that pings more often than every 5 minutes, and load
    // balancers drop what was silent for 350 s.
    #expect(pings.time > .seconds(5 * 60))
    #expect(pings.time + pings.timeout < .seconds(350))
    #expect(pings.timeout == .seconds(10))
    #expect(!pings.allowWithoutCalls)

    // Nobody counts a server's pings.
    #expect(self.server.connection.keepalive.time == .seconds(20))
    #expect(self.server.connection.keepalive.timeout == .seconds(10))
    let permitted = self.server.connection.keepalive.clientBehavior
    #expect(permitted.minPingIntervalWithoutCalls == .seconds(10))
    #expect(permitted.allowWithoutCalls)
  }

  @Test("leave tunnels their time to drain, and no more than some")
  func graceTime() throws {
    let graceTime = try #require(self.server.connection.maxGraceTime)
    let timeouts = TunnelConfig.defaults.timeouts
    #expect(graceTime > timeouts.drain + timeouts.close)
    #expect(graceTime <= .seconds(60))
    #expect(self.server.connection.maxAge == nil)
    #expect(self.server.connection.maxIdleTime == nil)
  }

  @Test("are changed as the user says")
  func configure() {
    let server = HTTP2ServerTransport.Posix.Config.tunnelDefaults {
      $0.connection.maxGraceTime = .seconds(300)
    }
    #expect(server.connection.maxGraceTime == .seconds(300))
    let client = HTTP2ClientTransport.Posix.Config.tunnelDefaults {
      $0.connection.keepalive = nil
    }
    #expect(client.connection.keepalive == nil)
  }

  @Test("let a server shut down whose client ends no carrier")
  func stubbornClient() async throws {
    let service = TunnelService(services: [ControlService(events: ControlEvents())])
    let server = GRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .plaintext,
        config: .tunnelDefaults { $0.connection.maxGraceTime = .milliseconds(50) }
      ),
      services: [service]
    )
    let isOpen = OneShotEvent()
    let isOver = OneShotEvent()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await server.serve()
        isOver.fire()
      }
      let address = try #require(try await server.listeningAddress?.ipv4)
      group.addTask {
        try await withGRPCClient(
          transport: try .http2NIOPosix(
            target: .ipv4(address: address.host, port: address.port),
            transportSecurity: .plaintext
          )
        ) { client in
          try await client.bidirectionalStreaming(
            request: StreamingClientRequest(metadata: ["grpctunnel-negotiate": "on"]) { _ in
              try await isOver.wait()
            },
            descriptor: MethodDescriptor(
              fullyQualifiedService: "grpctunnel.v1.TunnelService",
              method: "OpenTunnel"
            ),
            serializer: RawCoder(),
            deserializer: RawCoder(),
            options: .defaults
          ) { _ in
            isOpen.fire()
            try await isOver.wait()
          }
        }
      }
      try await isOpen.wait()
      server.beginGracefulShutdown()
      try await group.waitForAll()
    }
  }
}
