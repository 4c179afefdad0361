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

@Suite("AccessRules")
struct AccessRulesTests {
  private static let text = """
    # Agents
    token:shop-42        register  shop-42   # the till
    dns:*.example.com    register  *         shop.v1.* shop.v2.Orders

    token:billing        call  shop-*    shop.v1.Orders/* grpc.health.v1.Health/Check
    uri:spiffe://a/admin call  *
    *                    call  public    *
    """

  @Test(
    "who may register what",
    arguments: [
      ("token:shop-42", "shop-42", true),
      ("token:shop-42", "shop-43", false),
      ("token:shop-4", "shop-42", false),
      ("dns:a.example.com", "anything", true),
      ("dns:example.com", "anything", false),
      ("token:billing", "shop-42", false),
      ("anonymous", "shop-42", false),
    ]
  )
  func register(name: String, key: String, isPermitted: Bool) throws {
    let rules = try AccessRules(Self.text)
    let identity = try Self.identity(name)
    #expect(rules.mayRegister(identity, key: key, services: []) == isPermitted)
  }

  @Test(
    "who may announce what",
    arguments: [
      ("dns:a.example.com", ["shop.v1.Orders"], true),
      ("dns:a.example.com", ["shop.v1.Orders", "shop.v2.Orders"], true),
      ("dns:a.example.com", ["shop.v1.Orders", "bank.Accounts"], false),
      ("dns:a.example.org", ["shop.v1.Orders"], false),
      ("token:shop-42", ["shop.v1.Orders"], false),
    ]
  )
  func announce(name: String, services: [String], isPermitted: Bool) throws {
    let rules = try AccessRules(Self.text)
    let identity = try Self.identity(name)
    #expect(rules.mayRegister(identity, key: "shop-42", services: services) == isPermitted)
  }

  @Test(
    "who may call what",
    arguments: [
      ("token:billing", "shop-42", "shop.v1.Orders", "List", true),
      ("token:billing", "shop-42", "grpc.health.v1.Health", "Check", true),
      ("token:billing", "shop-42", "grpc.health.v1.Health", "Watch", false),
      ("token:billing", "shop-42", "shop.v1.OrdersAdmin", "List", false),
      ("token:billing", "till", "shop.v1.Orders", "List", false),
      ("token:shop-42", "shop-42", "shop.v1.Orders", "List", false),
      ("uri:spiffe://a/admin", "till", "any.Service", "Any", true),
      ("token:uri:spiffe://a/admin", "till", "any.Service", "Any", false),
      ("anonymous", "public", "any.Service", "Any", true),
      ("anonymous", "shop-42", "any.Service", "Any", false),
    ]
  )
  func call(
    name: String,
    key: String,
    service: String,
    method: String,
    isPermitted: Bool
  ) throws {
    let rules = try AccessRules(Self.text)
    let method = MethodDescriptor(fullyQualifiedService: service, method: method)
    #expect(rules.mayCall(try Self.identity(name), key: key, method: method) == isPermitted)
  }

  @Test("any of an identity's names counts")
  func severalNames() throws {
    let rules = try AccessRules("dns:b register k")
    let identity = try #require(Identity(token: "a", certificate: ["dns:c", "dns:b"]))
    #expect(rules.mayRegister(identity, key: "k", services: []))
  }

  @Test("no rules permit nothing")
  func empty() throws {
    let rules = try AccessRules("# nothing\n\n")
    #expect(!rules.mayRegister(.anonymous, key: "k", services: []))
  }

  @Test(
    "lines that are wrong",
    arguments: [
      ("token:a call", "line 1: expected"),
      ("\ntoken:a allow k", "line 2: 'allow' is neither"),
      ("token:a register k a.B/C", "line 1: agents announce services"),
      ("token:a call k a.B", "line 1: methods are written"),
      ("token:a call k /a.B/C", "line 1: methods are written"),
    ]
  )
  func wrong(text: String, problem: String) {
    let error = #expect(throws: ConfigurationError.self) { try AccessRules(text) }
    #expect(error?.problems.count == 1)
    #expect(error?.problems.first?.hasPrefix(problem) == true)
  }

  private static func identity(_ name: String) throws -> Identity {
    if name == "anonymous" { return .anonymous }
    return try #require(Identity(token: nil, certificate: [name]))
  }
}
