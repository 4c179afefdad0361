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

@Suite("UpstreamConfig")
struct UpstreamConfigTests {
  private static let address = UpstreamAddress.network(NetworkAddress(host: "h", port: 1))

  @Test(
    "servers as they are written",
    arguments: [
      ("h:1", UpstreamConfig(address)),
      ("k=h:1", UpstreamConfig(address, key: "k")),
      ("/s.A=h:1", UpstreamConfig(address, service: "s.A")),
      ("k/s.A=h:1", UpstreamConfig(address, key: "k", service: "s.A")),
      ("unix:/run/a.sock", UpstreamConfig(.unix(path: "/run/a.sock"))),
      ("unix:///run/a=b.sock", UpstreamConfig(.unix(path: "/run/a=b.sock"))),
      ("unix:a.sock", UpstreamConfig(.unix(path: "a.sock"))),
      ("k=unix:/a=b", UpstreamConfig(.unix(path: "/a=b"), key: "k")),
    ]
  )
  func parsed(text: String, config: UpstreamConfig) throws {
    #expect(try UpstreamConfig(text) == config)
  }

  @Test(
    "what is no server",
    arguments: [
      "", "h", "h:0", "=h:1", "/=h:1", "k/=h:1", "k=", "k=h", "/s/m=h:1", "/s A=h:1", "k k=h:1",
      "unix:", "k=unix:", "unix:" + String(repeating: "a", count: 104),
    ]
  )
  func malformed(text: String) {
    #expect(throws: SettingValueError.self) { try UpstreamConfig(text) }
  }

  @Test("addresses are shown as they are written", arguments: ["h:1", "[::1]:2", "unix:/run/a"])
  func description(text: String) throws {
    #expect(try UpstreamAddress(text).description == text)
  }
}
