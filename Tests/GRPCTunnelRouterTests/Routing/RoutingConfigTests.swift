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

@Suite("Where RPCs go")
struct RoutingConfigTests {
  private static let method = MethodDescriptor(fullyQualifiedService: "shop.Orders", method: "List")

  private static func keys(
    _ headers: [String],
    authority: String = "router:8000",
    announced: [String] = [],
    configure: (inout RoutingConfig) throws -> Void = { _ in }
  ) throws -> [String] {
    var config = RoutingConfig()
    try configure(&config)
    var metadata = Metadata(headers.map { ("tunnel-key", .string($0)) })
    metadata.addString("kept", forKey: "other")
    let keys = try config.keys(for: Self.method, metadata: &metadata, authority: authority) {
      $0 == "shop.Orders" ? announced : []
    }
    #expect(metadata == ["other": "kept"])
    return keys
  }

  @Test("the header counts first, then the host, the service, and the default")
  func order() throws {
    func keys(_ headers: [String], _ authority: String, _ announced: [String]) throws -> [String] {
      try Self.keys(headers, authority: authority, announced: announced) { config in
        config.authorityPattern = try AuthorityPattern("*.example.com")
        config.defaultKey = "default"
      }
    }
    #expect(try keys(["header"], "host.example.com", ["service"]) == ["header"])
    #expect(try keys([], "host.example.com", ["service"]) == ["host"])
    #expect(try keys([], "router", ["one", "two"]) == ["one", "two"])
    #expect(try keys([], "router", []) == ["default"])
    #expect(try keys([""], "router", []) == ["default"])
  }

  @Test("hosts are not looked at unless there is a pattern")
  func noPattern() throws {
    #expect(throws: RPCError.self) { try Self.keys([], authority: "shop-42.example.com") }
  }

  @Test("an RPC that says nothing is refused, with what it could say")
  func nothing() {
    let error = #expect(throws: RPCError.self) { try Self.keys([]) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("tunnel-key") == true)
    #expect(error?.message.contains("shop.Orders") == true)
  }

  @Test("two headers are refused")
  func twoHeaders() {
    let error = #expect(throws: RPCError.self) { try Self.keys(["a", "b"]) }
    #expect(error?.code == .invalidArgument)
  }
}

@Suite("AgentRegistration")
struct AgentRegistrationTests {
  @Test("a key, and services in any number of headers")
  func valid() throws {
    let registration = try AgentRegistration([
      "tunnel-key": "shop-42",
      "tunnel-services": "shop.Orders, shop.Prices",
      "tunnel-services": "shop.Orders,a_1.B",
    ])
    #expect(registration.key == "shop-42")
    #expect(registration.services == ["a_1.B", "shop.Orders", "shop.Prices"])
    #expect(try AgentRegistration(["tunnel-key": "a"]).services == [])
  }

  @Test(
    "what is refused",
    arguments: [
      [], [("tunnel-key", "")], [("tunnel-key", "a"), ("tunnel-key", "b")],
      [("tunnel-key", "a b")], [("tunnel-key", "ü")],
      [("tunnel-key", String(repeating: "k", count: 257))],
      [("tunnel-key", "a"), ("tunnel-services", "shop.Orders/List")],
      [
        ("tunnel-key", "a"),
        ("tunnel-services", (0 ... 100).map { "s\($0)" }.joined(separator: ",")),
      ],
    ] as [[(String, String)]]
  )
  func invalid(headers: [(String, String)]) {
    let metadata = Metadata(headers.map { ($0.0, .string($0.1)) })
    let error = #expect(throws: RPCError.self) { try AgentRegistration(metadata) }
    #expect(error?.code == .invalidArgument)
  }
}
