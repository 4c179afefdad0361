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
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Authenticator")
struct AuthenticatorTests {
  private static func authenticator(
    hasTokens: Bool,
    hasCertificates: Bool = true
  ) throws -> Authenticator {
    let text = TokenFile.adding("secret", name: "till", to: "")
    return Authenticator(
      tokens: hasTokens ? try TokenTable(text) : nil,
      hasCertificates: hasCertificates
    )
  }

  @Test(
    "who it is",
    arguments: [
      (["authorization": "Bearer secret"], [], ["token:till"]),
      (["tunnel-authorization": "Bearer secret"], [], ["token:till"]),
      (["authorization": "Bearer secret"], ["dns:a"], ["token:till", "dns:a"]),
    ] as [([String: String], [String], [String])]
  )
  func identity(headers: [String: String], certificate: [String], names: [String]) throws {
    var metadata = Self.metadata(headers)
    let authenticator = try Self.authenticator(hasTokens: true)
    let identity = try authenticator.identify(&metadata, certificate: certificate)
    #expect(identity.names == names)
    #expect(identity.description == names[0])
    #expect(metadata.isEmpty)
  }

  @Test("a certificate tells who it is, where no tokens are asked for")
  func certificate() throws {
    var metadata = Metadata()
    let authenticator = try Self.authenticator(hasTokens: false)
    let identity = try authenticator.identify(&metadata, certificate: ["dns:a", "uri:b"])
    #expect(identity.names == ["dns:a", "uri:b"])
  }

  @Test("a certificate is not enough where tokens are asked for")
  func certificateWithoutToken() throws {
    let authenticator = try Self.authenticator(hasTokens: true)
    let error = #expect(throws: RPCError.self) {
      var metadata = Metadata()
      return try authenticator.identify(&metadata, certificate: ["dns:a"])
    }
    #expect(error?.code == .unauthenticated)
  }

  @Test(
    "nobody",
    arguments: [
      [:], ["authorization": ""], ["authorization": "Bearer wrong"], ["authorization": "secret"],
      ["authorization": "Basic secret"], ["tunnel-authorization": "Bearer wrong"],
      // The header that is meant for the router counts.
      ["tunnel-authorization": "Bearer wrong", "authorization": "Bearer secret"],
    ] as [[String: String]]
  )
  func nobody(headers: [String: String]) throws {
    let authenticator = try Self.authenticator(hasTokens: true)
    let error = #expect(throws: RPCError.self) {
      var metadata = Self.metadata(headers)
      return try authenticator.identify(&metadata, certificate: [])
    }
    #expect(error?.code == .unauthenticated)
    #expect(error?.message.contains("wrong") == false)
  }

  @Test("a wrong token is refused, though there is a certificate")
  func wrongTokenWithCertificate() throws {
    let authenticator = try Self.authenticator(hasTokens: true)
    #expect(throws: RPCError.self) {
      var metadata: Metadata = ["authorization": "Bearer wrong"]
      return try authenticator.identify(&metadata, certificate: ["dns:a"])
    }
  }

  @Test("a header for the server is passed on")
  func passedOn() throws {
    var metadata = Self.metadata([
      "tunnel-authorization": "Bearer secret", "authorization": "Bearer other", "a": "b",
    ])
    let authenticator = try Self.authenticator(hasTokens: true)
    _ = try authenticator.identify(&metadata, certificate: [])
    #expect(metadata.count == 2)
    #expect(Array(metadata[stringValues: "authorization"]) == ["Bearer other"])
    #expect(Array(metadata[stringValues: "a"]) == ["b"])
  }

  @Test("without tokens the header is not looked at, and nobody is asked")
  func anonymous() throws {
    var metadata = Self.metadata(["tunnel-authorization": "x", "authorization": "y"])
    let authenticator = try Self.authenticator(hasTokens: false, hasCertificates: false)
    let identity = try authenticator.identify(&metadata, certificate: [])
    #expect(identity == .anonymous)
    #expect(metadata == ["authorization": "y"])
  }

  @Test("a certificate without names is nobody's")
  func namelessCertificate() throws {
    let authenticator = try Self.authenticator(hasTokens: false)
    let error = #expect(throws: RPCError.self) {
      var metadata = Metadata()
      return try authenticator.identify(&metadata, certificate: [])
    }
    #expect(error?.code == .unauthenticated)
  }

  @Test("without rules an agent registers its own names")
  func ownKey() throws {
    let agents = try Self.authenticator(hasTokens: true)
    let access = AccessControl(.init(agents: agents, callers: agents, rules: nil))
    let metadata: Metadata = ["authorization": "Bearer secret"]
    try access.checkAgent(metadata, certificate: [], AgentRegistration(["tunnel-key": "till"]))
    let shop = try AgentRegistration(["tunnel-key": "shop"])
    try access.checkAgent(metadata, certificate: ["dns:shop"], shop)
    for headers in [
      ["tunnel-key": "token:till"], ["tunnel-key": "shop"],
      ["tunnel-key": "till", "tunnel-services": "shop.Orders"],
    ] {
      let registration = try AgentRegistration(Self.metadata(headers))
      let error = #expect(throws: RPCError.self) {
        try access.checkAgent(metadata, certificate: [], registration)
      }
      #expect(error?.code == .permissionDenied)
    }
  }

  private static func metadata(_ headers: [String: String]) -> Metadata {
    Metadata(headers.map { ($0.key, .string($0.value)) })
  }
}
