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

internal import CoreMetrics
internal import GRPCTunnel
internal import NIOHTTP1
internal import Testing

@testable internal import GRPCTunnelAdmin

@Suite("The admin address' answers", .timeLimit(.minutes(2)))
struct AdminServerTests {
  private func get(_ path: String, _ server: AdminServer) async -> HTTPResponse {
    await server.answer(
      HTTPRequest(method: .GET, target: path, headers: ["host": "127.0.0.1:9000"])
    )
  }

  private func post(_ path: String, _ body: String, _ server: AdminServer) async -> HTTPResponse {
    await server.answer(
      HTTPRequest(
        method: .POST,
        target: path,
        headers: ["host": "127.0.0.1:9000", "x-grpc-tunnel-admin": "1"],
        body: Array(body.utf8)
      )
    )
  }

  @Test(
    "readiness follows the state",
    arguments: [
      (Overview.State.ready, HTTPResponseStatus.ok), (.starting, .serviceUnavailable),
      (.waiting, .serviceUnavailable), (.draining, .serviceUnavailable),
    ]
  )
  func readiness(state: Overview.State, status: HTTPResponseStatus) async {
    let source = FakeSource()
    source.update { $0.state = state }
    let server = AdminServer(source)
    #expect(await self.get("/readyz", server).status == status)
    #expect(await self.get("/readyz", server).text == "\(state.rawValue)\n")
    #expect(await self.get("/healthz", server).status == .ok)
  }

  @Test("the overview can be read back")
  func overview() async throws {
    let response = await self.get("/api/tunnels", AdminServer(FakeSource("tunnel-1", "tunnel-2")))
    #expect(response.status == .ok)
    let overview = try AdminJSON.decode(Overview.self, from: response.text.utf8)
    #expect(overview.tunnels == [FakeSource.tunnel("tunnel-1"), FakeSource.tunnel("tunnel-2")])
    #expect(overview.startedAt == FakeSource.start)
  }

  @Test("a tunnel is found, open or closed")
  func oneTunnel() async throws {
    let source = FakeSource("tunnel-1")
    source.update { $0.closed = [FakeSource.tunnel("tunnel-0")] }
    let server = AdminServer(source)
    for id in ["tunnel-0", "tunnel-1"] {
      let response = await self.get("/api/tunnels/\(id)", server)
      #expect(try AdminJSON.decode(TunnelReport.self, from: response.text.utf8).id == id)
    }
    let response = await self.get("/api/tunnels/tunnel-2", server)
    #expect(response.status == .notFound)
    #expect(response.text == #"{"error":"There is no tunnel 'tunnel-2'."}"#)
  }

  @Test("an id may have any characters")
  func escapedID() async {
    let response = await self.get("/api/tunnels/a%2Fb%3A1", AdminServer(FakeSource("a/b:1")))
    #expect(response.status == .ok)
  }

  @Test("a tunnel is drained, and closed with a reason")
  func actions() async {
    let source = FakeSource("tunnel-1")
    let server = AdminServer(source)
    #expect(await self.post("/api/tunnels/tunnel-1/drain", "", server).status == .accepted)
    #expect(await self.post("/api/tunnels/tunnel-1/close", "", server).status == .accepted)
    let body = #"{"reason": "moves"}"#
    #expect(await self.post("/api/tunnels/tunnel-1/close", body, server).status == .accepted)
    #expect(await self.post("/api/tunnels/tunnel-2/close", "", server).status == .notFound)
    #expect(source.now.drained == ["tunnel-1"])
    #expect(source.now.closings == ["tunnel-1: no reason", "tunnel-1: moves"])
  }

  @Test(
    "what is no reason is refused",
    arguments: ["x", "[]", #"{"reason": 1}"#, #"{"other": "x"}"#]
      + [#"{"reason": ""# + String(repeating: "x", count: 201) + #""}"#]
  )
  func badReason(body: String) async {
    let source = FakeSource("tunnel-1")
    let response = await self.post("/api/tunnels/tunnel-1/close", body, AdminServer(source))
    #expect(response.status == .badRequest)
    #expect(source.now.closings.isEmpty)
  }

  @Test(
    "what is not there is not found",
    arguments: ["/nothing", "/api", "/api/tunnels/a/b/c", "/page.js/", "//", "/../Package.swift"]
  )
  func notFound(path: String) async {
    #expect(await self.get(path, AdminServer(FakeSource())).status == .notFound)
  }

  @Test("a path that cannot be decoded is refused")
  func badPath() async {
    #expect(await self.get("/%ff%", AdminServer(FakeSource())).status == .badRequest)
  }

  @Test("methods are as they should be", arguments: ["/", "/healthz", "/metrics", "/api/tunnels"])
  func method(path: String) async {
    let server = AdminServer(FakeSource("tunnel-1"))
    #expect(await self.post(path, "", server).status == .methodNotAllowed)
    let response = await self.get("/api/tunnels/tunnel-1/close", server)
    #expect(response.status == .methodNotAllowed)
  }

  @Test("the page is there, and holds together")
  func page() async throws {
    let server = AdminServer(FakeSource())
    let page = await self.get("/", server)
    #expect(page.headers["content-type"] == ["text/html; charset=utf-8"])
    #expect(page.headers["content-security-policy"].first?.contains("default-src 'none'") == true)
    var paths: Set<String> = ["/page.css", "/page.js"]
    for path in paths { #expect(page.text.contains("\"\(path)\"")) }
    var read: Set<String> = []
    while let path = paths.subtracting(read).first {
      read.insert(path)
      let file = await self.get(path, server)
      #expect(file.status == .ok, "\(path)")
      for imported in file.text.matches(of: /from "\.(\/[a-z]+\.js)"/) {
        paths.insert(String(imported.output.1))
      }
    }
    #expect(read.count == 10)
  }

  @Test("metrics are told as Prometheus reads them")
  func metrics() async {
    let metrics = PrometheusMetrics(help: [:])
    metrics.makeCounter(label: "things_total", dimensions: []).increment(by: 3)
    let response = await self.get("/metrics", AdminServer(FakeSource(), metrics: metrics))
    #expect(response.headers["content-type"] == ["text/plain; version=0.0.4; charset=utf-8"])
    #expect(response.text == "# TYPE things_total counter\nthings_total 3\n")
  }

  @Test("there are not too many streams of events, and those that ended do not count")
  func tooManyStreams() async {
    let server = AdminServer(FakeSource())
    do {
      var streams: [HTTPResponse] = []
      for _ in 0 ..< AdminServer.maximumStreamCount {
        streams.append(await self.get("/api/events", server))
      }
      #expect(streams.allSatisfy { $0.status == .ok })
      #expect(await self.get("/api/events", server).status == .serviceUnavailable)
      withExtendedLifetime(streams) {}
    }
    #expect(await self.get("/api/events", server).status == .ok)
  }
}
