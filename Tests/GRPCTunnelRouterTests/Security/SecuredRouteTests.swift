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
internal import Testing
internal import X509

@testable internal import GRPCTunnelRouter

@Suite("Router and agent, secured", .timeLimit(.minutes(5)))
struct SecuredRouteTests {
  private let folder: TestFolder
  private let authority: TestAuthority
  private let authorities: String

  init() throws {
    self.folder = try TestFolder()
    self.authority = try TestAuthority()
    self.authorities = try self.folder.write(self.authority.pem, to: "ca.pem")
  }

  private static func bearer(_ token: String) -> Metadata {
    ["authorization": .string("Bearer \(token)")]
  }

  /// TLS and tokens on both addresses: the agent's is "agent", the caller's "caller".
  private func settingsWithTokens() throws -> TestRouteSettings {
    let certificate = try self.authority.pair().write(to: self.folder, "router")
    let agents = try self.folder.write(
      TokenFile.adding("agent", name: "shop-42", to: ""),
      to: "agents"
    )
    let callers = try self.folder.write(
      TokenFile.adding("caller", name: "till", to: ""),
      to: "callers"
    )
    let token = try self.folder.write("agent\n", to: "token")
    let authorities = self.authorities
    return TestRouteSettings(
      router: { config in
        config.tunnelSecurity.certificate = certificate
        config.tunnelSecurity.tokens = agents
        config.callerSecurity.certificate = certificate
        config.callerSecurity.tokens = callers
      },
      agent: { config in
        config.routerSecurity.usesTLS = true
        config.routerSecurity.authorities = authorities
        config.tokenFile = token
      },
      callerSecurity: self.authority.clientSecurity
    )
  }

  @Test("a token lets a caller in, and does not reach the server")
  func tokens() async throws {
    try await withRoute(RawService(), self.settingsWithTokens()) { route in
      let reply = try await route.call(RawService.headers, metadata: Self.bearer("caller"))
      let headers = reply.messages.map { String(decoding: $0, as: UTF8.self) }
      #expect(!headers.isEmpty)
      #expect(!headers.contains { $0.contains("authorization") || $0.contains("Bearer") })
    }
  }

  @Test("without a valid token a caller is refused", arguments: [nil, "agent", "wrong", ""])
  func noToken(token: String?) async throws {
    try await withRoute(RawService(), self.settingsWithTokens()) { route in
      let metadata = token.map { Self.bearer($0) } ?? [:]
      let error = try await route.error(RawService.echo, metadata: metadata)
      #expect(error.code == .unauthenticated)
    }
  }

  @Test("a token that is revoked ends the RPCs of its caller, and lets nobody in")
  func revokedToken() async throws {
    let service = RawService()
    try await withRoute(service, self.settingsWithTokens()) { route in
      let metadata = Self.bearer("caller")
      async let waiting = route.error(RawService.wait, metadata: metadata)
      var events = service.events.makeAsyncIterator()
      #expect(await events.next() == "started ")
      try self.folder.write("", to: "callers")
      await route.router.reload()
      #expect(try await waiting.code == .unauthenticated)
      #expect(await events.next() == "cancelled")
      #expect(try await route.error(RawService.echo, metadata: metadata).code == .unauthenticated)
    }
  }

  @Test("an agent whose token is revoked loses its tunnel, and has it back with a new token")
  func revokedAgent() async throws {
    try await withRoute(RawService(), self.settingsWithTokens()) { route in
      let metadata = Self.bearer("caller")
      _ = try await route.call(RawService.echo, metadata: metadata)
      try self.folder.write("", to: "agents")
      await route.router.reload()
      let error = try await route.error(RawService.echo, metadata: metadata)
      #expect(error.code == .unavailable)
      try self.folder.write(TokenFile.adding("agent", name: "shop-42", to: ""), to: "agents")
      await route.router.reload()
      try await route.router.waitUntilReady(forKey: "shop-42")
      _ = try await route.call(RawService.echo, metadata: metadata)
    }
  }

  @Test("rules say who calls what, also when they change")
  func rules() async throws {
    var settings = try self.settingsWithTokens()
    let rules = try self.folder.write(
      "token:shop-42 register shop-*\ntoken:till call shop-42 test.Raw/Echo",
      to: "rules"
    )
    let configure = settings.router
    settings.router = { config in
      configure(&config)
      config.accessRules = rules
    }
    try await withRoute(RawService(), settings) { route in
      let metadata = Self.bearer("caller")
      _ = try await route.call(RawService.echo, metadata: metadata)
      let error = try await route.error(RawService.count, metadata: metadata)
      #expect(error.code == .permissionDenied)
      #expect(error.message == "'token:till' may not call test.Raw/Count of 'shop-42'.")
      try self.folder.write("* register *\n* call * test.Raw/Count", to: "rules")
      await route.router.reload()
      _ = try await route.call(RawService.count, metadata: metadata)
      #expect(try await route.error(RawService.echo, metadata: metadata).code == .permissionDenied)
    }
  }

  /// Certificates at both addresses, for the agent "shop-42" and the caller "till".
  private func settingsWithCertificates() throws -> TestRouteSettings {
    let router = try self.authority.pair().write(to: self.folder, "router")
    let agent = try self.authority.pair(.dnsName("shop-42")).write(to: self.folder, "agent")
    let caller = try self.authority.pair(.uniformResourceIdentifier("spiffe://shops/till"))
    let authorities = self.authorities
    let callerAuthorities = try self.folder.write(self.authority.pem, to: "callers.pem")
    let rules = try self.folder.write(
      "dns:shop-42 register shop-42\nuri:spiffe://shops/* call *",
      to: "rules"
    )
    return TestRouteSettings(
      router: { config in
        config.tunnelSecurity.certificate = router
        config.tunnelSecurity.clientAuthorities = authorities
        config.callerSecurity.certificate = router
        config.callerSecurity.clientAuthorities = callerAuthorities
        config.accessRules = rules
      },
      agent: { config in
        config.routerSecurity.usesTLS = true
        config.routerSecurity.authorities = authorities
        config.routerSecurity.certificate = agent
      },
      callerSecurity: caller.clientSecurity(trusting: self.authority)
    )
  }

  @Test("certificates let agents and callers in")
  func certificates() async throws {
    try await withRoute(RawService(), self.settingsWithCertificates()) { route in
      #expect(try await route.call(RawService.echo, [[1]]).messages == [[1]])
      // One of the same authority, whose name no rule has.
      let other = try self.authority.pair(.dnsName("other"))
      try await route.withCaller(other.clientSecurity(trusting: self.authority)) { other in
        let error = try await other.error(RawService.echo)
        #expect(error.code == .permissionDenied)
      }
      // Without a certificate there is no connection.
      try await route.withCaller(self.authority.clientSecurity) { other in
        let error = try await other.error(RawService.echo, timeout: .seconds(2))
        #expect(error.code == .unavailable || error.code == .deadlineExceeded)
      }
    }
  }

  @Test("a certificate is reloaded with its key, and connections stay")
  func reloadedCertificate() async throws {
    try await withRoute(RawService(), self.settingsWithTokens()) { route in
      let metadata = Self.bearer("caller")
      _ = try await route.call(RawService.echo, metadata: metadata)
      let authority = try TestAuthority("another")
      let pair = try authority.pair()
      // A certificate whose key is not there yet is not used.
      try self.folder.write(pair.certificate, to: "router.pem")
      await route.router.reload()
      try await route.withCaller(self.authority.clientSecurity) { other in
        _ = try await other.call(RawService.echo, metadata: metadata)
      }
      try self.folder.write(pair.key, to: "router-key.pem")
      await route.router.reload()
      try await route.withCaller(authority.clientSecurity) { other in
        _ = try await other.call(RawService.echo, metadata: metadata)
      }
      _ = try await route.call(RawService.echo, metadata: metadata)
    }
  }

  @Test("authorities that change replace the listener; RPCs of the old one go on")
  func changedAuthorities() async throws {
    let service = RawService()
    try await withRoute(service, self.settingsWithCertificates()) { route in
      let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
      let authority = try TestAuthority("another")
      let replies = try await route.client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: ["tunnel-key": "shop-42"]) { writer in
          try await writer.write([1])
          for await _ in signals {}
          try await writer.write([2])
        },
        descriptor: RawService.echo,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        var messages: [[UInt8]] = []
        for try await message in response.messages {
          messages.append(message)
          if messages.count > 1 { continue }
          try self.folder.write(authority.pem, to: "callers.pem")
          await route.router.reload()
          let caller = try authority.pair(.uniformResourceIdentifier("spiffe://shops/new"))
          // The new listener takes the place of the old one in a moment.
          var reply: TestRoute.Reply?
          while reply == nil {
            try await route.withCaller(caller.clientSecurity(trusting: self.authority)) { new in
              reply = try? await new.call(RawService.echo, [[3]])
            }
          }
          #expect(reply?.messages == [[3]])
          continuation.finish()
        }
        return messages
      }
      #expect(replies == [[1], [2]])
      // The old authority is not trusted any more: there is no connection.
      _ = try await route.error(RawService.echo, timeout: .seconds(2))
    }
  }
}
