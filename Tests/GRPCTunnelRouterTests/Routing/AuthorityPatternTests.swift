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

internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("AuthorityPattern")
struct AuthorityPatternTests {
  @Test(
    "hosts with keys",
    arguments: [
      ("*.tunnels.example.com", "shop-42.tunnels.example.com", "shop-42"),
      ("*.tunnels.example.com", "Shop-42.Tunnels.example.com:443", "shop-42"),
      ("*.Tunnels.example.com", "a.tunnels.example.com:1", "a"),
      ("shop-*.example.com", "shop-42.example.com", "42"),
      ("*", "shop-42:8000", "shop-42"),
    ]
  )
  func matches(pattern: String, authority: String, key: String) throws {
    #expect(try AuthorityPattern(pattern).key(in: authority) == key)
  }

  @Test(
    "hosts without",
    arguments: [
      ("*.tunnels.example.com", "tunnels.example.com"),
      ("*.tunnels.example.com", ".tunnels.example.com"),
      ("*.tunnels.example.com", "a.b.tunnels.example.com"),
      ("*.tunnels.example.com", "a.tunnels.example.com.evil"),
      ("*.tunnels.example.com", "a.tunnels.example.com."),
      ("*.tunnels.example.com", ""),
      ("shop-*.example.com", "shop-.example.com"),
      ("aa*aa", "aaa"),
      ("*", "127.0.0.1:8000"),
      ("*", ":8000"),
    ]
  )
  func doesNotMatch(pattern: String, authority: String) throws {
    #expect(try AuthorityPattern(pattern).key(in: authority) == nil)
  }

  @Test("has one asterisk", arguments: ["", "tunnels.example.com", "*.*.example.com", "**"])
  func wrong(pattern: String) {
    #expect(throws: SettingValueError.self) { try AuthorityPattern(pattern) }
  }
}
