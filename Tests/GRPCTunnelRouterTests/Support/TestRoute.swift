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
internal import GRPCTunnelNIO
internal import GRPCTunnelRouter
internal import Logging
internal import Testing

/// A caller of a router, behind which an agent offers a server as "shop-42".
struct TestRoute: Sendable {
  typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

  let client: Client
  let router: Router
  let agent: Agent
  let callerAddress: NetworkAddress
  let upstream: NetworkAddress

  /// An RPC's replies, with their metadata.
  struct Reply: Sendable {
    var metadata: Metadata
    var messages: [[UInt8]] = []
    var trailers: Metadata = [:]
  }

  func call(
    _ method: MethodDescriptor,
    _ messages: [[UInt8]] = [],
    metadata: Metadata = [:],
    key: String? = "shop-42",
    timeout: Duration? = nil
  ) async throws -> Reply {
    var options = CallOptions.defaults
    options.timeout = timeout
    var metadata = metadata
    if let key { metadata.addString(key, forKey: "tunnel-key") }
    return try await self.client.bidirectionalStreaming(
      request: StreamingClientRequest(metadata: metadata) { writer in
        for message in messages {
          try await writer.write(message)
        }
      },
      descriptor: method,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: options
    ) { response in
      let contents = try response.accepted.get()
      var reply = Reply(metadata: contents.metadata)
      for try await part in contents.bodyParts {
        switch part {
        case .message(let message): reply.messages.append(message)
        case .trailingMetadata(let metadata): reply.trailers = metadata
        }
      }
      return reply
    }
  }

  /// Another caller, on a connection of its own.
  func withCaller(
    _ security: HTTP2ClientTransport.Posix.TransportSecurity,
    _ body: (TestRoute) async throws -> Void
  ) async throws {
    try await withGRPCClient(
      transport: .http2NIOPosix(target: self.callerAddress.target, transportSecurity: security)
    ) { client in
      try await body(
        TestRoute(
          client: client,
          router: self.router,
          agent: self.agent,
          callerAddress: self.callerAddress,
          upstream: self.upstream
        )
      )
    }
  }

  /// The error of an RPC that has to fail.
  func error(
    _ method: MethodDescriptor,
    metadata: Metadata = [:],
    key: String? = "shop-42",
    timeout: Duration? = nil
  ) async throws -> RPCError {
    do {
      _ = try await self.call(method, metadata: metadata, key: key, timeout: timeout)
    } catch let error as RPCError {
      return error
    }
    Issue.record("The RPC succeeded.")
    throw CancellationError()
  }
}

extension NetworkAddress {
  /// A free port of this machine.
  static let loopback = NetworkAddress(host: "127.0.0.1", port: 0)
}

/// What is different from a route without any settings.
struct TestRouteSettings: Sendable {
  var router: @Sendable (inout RouterConfig) -> Void = { _ in }
  var agent: @Sendable (inout AgentConfig) -> Void = { _ in }
  var callerSecurity = HTTP2ClientTransport.Posix.TransportSecurity.plaintext
}

/// Runs a server, a router and an agent on free ports of the loopback interface, and a caller.
func withRoute(
  _ service: RawService = RawService(),
  _ settings: TestRouteSettings = TestRouteSettings(),
  _ body: (TestRoute) async throws -> Void
) async throws {
  try await withGRPCServer(
    transport: .http2NIOPosix(
      address: .ipv4(host: "127.0.0.1", port: 0),
      transportSecurity: .plaintext,
      config: .tunnelDefaults
    ),
    services: [service]
  ) { server in
    let ipv4 = try #require(try await server.listeningAddress?.ipv4)
    try await withRoute(to: NetworkAddress(host: ipv4.host, port: ipv4.port), settings, body)
  }
}

/// Runs a router, an agent for a server at the given address, and a caller.
func withRoute(
  to upstream: NetworkAddress,
  _ settings: TestRouteSettings = TestRouteSettings(),
  _ body: (TestRoute) async throws -> Void
) async throws {
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  var routerConfig = RouterConfig(tunnelAddress: .loopback, callerAddress: .loopback)
  settings.router(&routerConfig)
  let router = try await Router(config: routerConfig, logger: logger)
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await router.run() }
    let tunnelAddress = try #require(await router.tunnelAddress)
    let callerAddress = try #require(await router.callerAddress)
    var agentConfig = AgentConfig(
      routers: [RouterTarget(tunnelAddress)],
      key: "shop-42",
      upstreams: [UpstreamConfig(.network(upstream))]
    )
    settings.agent(&agentConfig)
    let agent = try await Agent(config: agentConfig, logger: logger)
    group.addTask { try await agent.run() }
    try await router.waitUntilReady(forKey: "shop-42")
    try await withGRPCClient(
      transport: .http2NIOPosix(
        target: callerAddress.target,
        transportSecurity: settings.callerSecurity
      )
    ) { client in
      try await body(
        TestRoute(
          client: client,
          router: router,
          agent: agent,
          callerAddress: callerAddress,
          upstream: upstream
        )
      )
    }
    agent.beginGracefulShutdown()
    router.beginGracefulShutdown()
    try await group.waitForAll()
  }
}
