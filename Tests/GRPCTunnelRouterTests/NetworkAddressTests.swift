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

internal import NIOCore
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("NetworkAddress")
struct NetworkAddressTests {
  @Test(
    "reads hosts and ports, and writes them in the same way",
    arguments: [
      ("127.0.0.1:50051", "127.0.0.1", 50051),
      ("0.0.0.0:0", "0.0.0.0", 0),
      ("localhost:65535", "localhost", 65535),
      ("router.example.com:443", "router.example.com", 443),
      ("[::1]:50051", "::1", 50051),
      ("[2001:db8::7]:1", "2001:db8::7", 1),
    ]
  )
  func valid(text: String, host: String, port: Int) throws {
    let address = try NetworkAddress(text)
    #expect(address == NetworkAddress(host: host, port: port))
    #expect(address.description == text)
  }

  @Test(
    "refuses anything else, naming it",
    arguments: [
      "", "nonsense", "127.0.0.1", "127.0.0.1:", ":50051", "127.0.0.1:65536", "127.0.0.1:-1",
      "127.0.0.1:+1", "127.0.0.1:1x", "127.0.0.1:000001", "::1:50051", "[::1]", "[::1:50051",
      "[127.0.0.1]:1", "[]:1", "http://host:1", "a b:1", "host:１",
    ]
  )
  func invalid(text: String) {
    let error = #expect(throws: SettingValueError.self) { try NetworkAddress(text) }
    #expect(error?.description.contains("'\(text)'") ?? false)
  }

  @Test("looks up the name of a host to listen on")
  func resolves() async throws {
    let address = try await NetworkAddress("127.0.0.1:7000").socketAddress()
    #expect(address.ipAddress == "127.0.0.1")
    #expect(address.port == 7000)
    let local = try await NetworkAddress("localhost:7000").socketAddress()
    #expect(local.ipAddress == "127.0.0.1" || local.ipAddress == "::1")
  }

  @Test(
    "knows what is reached from this machine alone",
    arguments: [
      ("127.0.0.1:1", true), ("127.8.7.6:1", true), ("[::1]:1", true), ("localhost:1", true),
      ("0.0.0.0:1", false), ("[::]:1", false), ("10.0.0.1:1", false), ("127.example.com:1", false),
      ("localhost.example.com:1", false), ("[::ffff:127.0.0.1]:1", false),
    ]
  )
  func loopback(text: String, isLoopback: Bool) throws {
    #expect(try NetworkAddress(text).isLoopback == isLoopback)
  }
}
