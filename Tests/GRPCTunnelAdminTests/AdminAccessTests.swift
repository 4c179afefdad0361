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

internal import GRPCTunnel
internal import GRPCTunnelTestSupport
internal import NIOHTTP1
internal import Testing

@testable internal import GRPCTunnelAdmin

@Suite("Who may use the admin address")
struct AdminAccessTests {
  private func status(
    _ method: HTTPMethod,
    _ path: String,
    _ headers: HTTPHeaders,
    hasToken: Bool = false
  ) async -> HTTPResponseStatus {
    let server = AdminServer(FakeSource("tunnel-1"), hasToken: hasToken)
    return await server.answer(HTTPRequest(method: method, target: path, headers: headers)).status
  }

  @Test(
    "the host is an address, localhost, or the one it listens on",
    arguments: [
      "127.0.0.1:9000", "127.0.0.1", "[::1]:9000", "[::1]", "localhost:9000", "LOCALHOST",
      "192.168.0.7:9000", "admin.example.com:9000",
    ]
  )
  func ownHosts(host: String) async {
    #expect(await self.status(.GET, "/api/tunnels", ["host": host]) == .ok)
  }

  @Test(
    "another name is not this host: it may be that of a web site",
    arguments: [
      "evil.example.com", "evil.example.com:9000", "127.0.0.1.evil.com", "", ":80", "[x",
      "[localhost",
    ]
  )
  func otherHosts(host: String) async {
    #expect(await self.status(.GET, "/api/tunnels", ["host": host]) == .misdirectedRequest)
    #expect(await self.status(.GET, "/", ["host": host]) == .misdirectedRequest)
  }

  @Test("one host is named, not two or none")
  func hostCount() async {
    let two: HTTPHeaders = ["host": "127.0.0.1", "Host": "evil.example.com"]
    #expect(await self.status(.GET, "/api/tunnels", two) == .misdirectedRequest)
    #expect(await self.status(.GET, "/api/tunnels", [:]) == .misdirectedRequest)
  }

  @Test("with tokens any host will do, for no web site has one")
  func hostWithToken() async {
    let headers: HTTPHeaders = ["host": "shop.example.com", "authorization": "Bearer secret"]
    #expect(await self.status(.GET, "/api/tunnels", headers, hasToken: true) == .ok)
  }

  @Test(
    "a token is needed, and must be right",
    arguments: [
      ("Bearer secret", HTTPResponseStatus.ok), ("bearer  secret", .ok),
      ("Bearer other", .unauthorized), ("Bearer", .unauthorized), ("secret", .unauthorized),
      ("Basic secret", .unauthorized), ("Bearer secretsecret", .unauthorized),
    ]
  )
  func token(header: String, expected: HTTPResponseStatus) async {
    let headers: HTTPHeaders = ["authorization": header]
    for path in ["/api/tunnels", "/api/tunnels/tunnel-1", "/api/events", "/metrics"] {
      #expect(await self.status(.GET, path, headers, hasToken: true) == expected)
    }
  }

  @Test("a stream of events ends when its token is revoked", .timeLimit(.minutes(5)))
  func revokedToken() async throws {
    let isValid = LockedValue(true)
    let clock = ManualClock()
    let server = AdminServer(
      source: FakeSource(),
      access: AdminAccess(host: "localhost") { _ in isValid.withLock { $0 } },
      metrics: PrometheusMetrics(help: [:]),
      clock: clock.clock
    )
    let response = await server.answer(
      HTTPRequest(
        method: .GET,
        target: "/api/events",
        headers: ["authorization": "Bearer secret"]
      )
    )
    guard case .stream(let send) = response.body else {
      Issue.record("The answer is no stream.")
      return
    }
    let writes = LockedValue(0)
    async let end: AdminError? = #expect(throws: AdminError.self) {
      try await send { _ in writes.withLock { $0 += 1 } }
    }
    try await clock.waitForSleeper(until: .seconds(1))
    clock.advance(by: .seconds(1))
    try await clock.waitForSleeper(until: .seconds(2))
    isValid.withLock { $0 = false }
    clock.advance(by: .seconds(1))
    #expect(await end?.status == .unauthorized)
    // The overview, and one second of changes.
    #expect(writes.withLock { $0 } == 2)
  }

  @Test("without a token there are the page and the answers for health checks, and nothing else")
  func noToken() async {
    for path in ["/", "/page.js", "/page.css", "/healthz", "/readyz"] {
      #expect(await self.status(.GET, path, [:], hasToken: true) == .ok)
    }
    let paths = [
      "/api/tunnels", "/api/tunnels/tunnel-1", "/api/events", "/api/config", "/metrics",
    ]
    for path in paths {
      #expect(await self.status(.GET, path, [:], hasToken: true) == .unauthorized)
    }
    let headers: HTTPHeaders = ["x-grpc-tunnel-admin": "1"]
    for action in ["drain", "close"] {
      let path = "/api/tunnels/tunnel-1/\(action)"
      #expect(await self.status(.POST, path, headers, hasToken: true) == .unauthorized)
    }
  }

  @Test(
    "another site cannot act",
    arguments: [
      ([("x-grpc-tunnel-admin", "1")], HTTPResponseStatus.accepted),
      ([("x-grpc-tunnel-admin", "1"), ("origin", "http://127.0.0.1:9000")], .accepted),
      ([("x-grpc-tunnel-admin", "1"), ("origin", "https://127.0.0.1:9000")], .accepted),
      ([], .forbidden),
      ([("x-grpc-tunnel-admin", "0")], .forbidden),
      ([("x-grpc-tunnel-admin", "1"), ("origin", "http://127.0.0.1:9001")], .forbidden),
      ([("x-grpc-tunnel-admin", "1"), ("origin", "http://evil.example.com")], .forbidden),
      ([("x-grpc-tunnel-admin", "1"), ("origin", "null")], .forbidden),
    ]
  )
  func site(headers: [(String, String)], expected: HTTPResponseStatus) async {
    let headers = HTTPHeaders([("host", "127.0.0.1:9000")] + headers)
    for action in ["drain", "close"] {
      let path = "/api/tunnels/tunnel-1/\(action)"
      #expect(await self.status(.POST, path, headers) == expected)
    }
  }
}
