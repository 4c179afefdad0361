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
internal import NIOHTTP1
internal import NIOPosix
internal import Testing

@testable internal import GRPCTunnelAdmin

@Suite("The admin address over HTTP", .timeLimit(.minutes(2)))
struct HTTPListenerTests {
  private func withServer(
    _ source: FakeSource,
    _ body: (AdminClient, _ port: Int) async throws -> Void
  ) async throws {
    let listener = try await HTTPListener.listen(host: "127.0.0.1", port: 0)
    let server = AdminServer(source)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await listener.run { await server.answer($0) } }
      try await body(AdminClient(host: "127.0.0.1", port: listener.port), listener.port)
      group.cancelAll()
    }
  }

  @Test("a client reads and acts")
  func client() async throws {
    let source = FakeSource("tunnel-1")
    try await self.withServer(source) { client, _ in
      #expect(try await client.overview().tunnels.map(\.id) == ["tunnel-1"])
      #expect(try await client.tunnel("tunnel-1").key == "shop")
      #expect(try await client.configuration() == source.configuration)
      try await client.drain("tunnel-1")
      try await client.close("tunnel-1", reason: "ö")
      #expect(source.now.drained == ["tunnel-1"])
      #expect(source.now.closings == ["tunnel-1: ö"])
      await #expect { try await client.drain("no/such") } throws: { error in
        let error = error as? AdminClientError
        return error?.status == 404 && error?.description == "There is no tunnel 'no/such'."
      }
    }
  }

  @Test("a client gets its answer, however soon the connection is closed after it")
  func manyRequests() async throws {
    try await self.withServer(FakeSource("tunnel-1")) { client, _ in
      for _ in 0 ..< 300 {
        let response = try await client.response(to: "/healthz")
        #expect(response.status == 200)
      }
    }
  }

  @Test("a client that does not reach it says so")
  func unreachable() async throws {
    // Nobody can listen there without being root.
    let client = AdminClient(host: "127.0.0.1", port: 1)
    await #expect(throws: AdminClientError.self) { try await client.overview() }
  }

  @Test("events: the overview, and then what changes")
  func events() async throws {
    struct Enough: Error {}
    let source = FakeSource("tunnel-1")
    try await self.withServer(source) { client, _ in
      var overviewCount = 0
      await #expect(throws: Enough.self) {
        try await client.events { event in
          switch event {
          case .overview(let overview):
            overviewCount += 1
            #expect(overview.tunnels.map(\.id) == ["tunnel-1"])
            source.update { $0.tunnels = [FakeSource.tunnel("tunnel-2")] }
          case .changes(let changes):
            #expect(changes.tunnels.map(\.id) == ["tunnel-2"])
            #expect(changes.gone == ["tunnel-1"])
            throw Enough()
          }
        }
      }
      #expect(overviewCount == 1)
    }
  }

  /// Sends bytes on a connection, and reads until it ends.
  private func exchange(_ request: String, port: Int) async throws -> String {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(string: request))
      var text = ""
      for try await buffer in inbound {
        text += String(buffer: buffer)
      }
      return text
    }
  }

  @Test("several requests on one connection are answered in order")
  func keptConnection() async throws {
    try await self.withServer(FakeSource()) { _, port in
      let text = try await self.exchange(
        """
        GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nHEAD /readyz HTTP/1.1\r\nhost: 127.0.0.1\r
        \r\nGET /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n
        """,
        port: port
      )
      let statuses = text.matches(of: /HTTP\/1\.1 (\d+)/).map { String($0.output.1) }
      #expect(statuses == ["200", "200", "404"])
      #expect(text.contains("content-length: 6"))
      #expect(!text.contains("ready\n"))
    }
  }

  @Test("a body that is too large is refused")
  func largeBody() async throws {
    try await self.withServer(FakeSource()) { client, _ in
      let response = try await client.response(
        to: "/api/tunnels/tunnel-1/close",
        .POST,
        body: Array(repeating: 32, count: 5000)
      )
      #expect(response.status == 413)
    }
  }

  @Test(
    "what is not HTTP, or too much of it, is refused",
    arguments: [
      "hello\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\nbig: \(String(repeating: "x", count: 9000))\r\n\r\n",
      "GET / HTTP/1.1\r\n"
        + (0 ..< 70).map { "a\($0): b\r\n" }.joined() + "\r\n",
    ]
  )
  func malformed(request: String) async throws {
    try await self.withServer(FakeSource()) { client, port in
      let text = try await self.exchange(request, port: port)
      #expect(text.hasPrefix("HTTP/1.1 400") || text.hasPrefix("HTTP/1.1 431"))
      // Nobody else is troubled.
      #expect(try await client.response(to: "/healthz").status == 200)
    }
  }

  @Test("there are not too many connections")
  func manyConnections() async throws {
    try await self.withServer(FakeSource()) { client, port in
      let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      var channels: [any Channel] = []
      for _ in 0 ..< HTTPListener.maximumConnectionCount {
        channels.append(try await bootstrap.connect(host: "127.0.0.1", port: port).get())
      }
      // The next one is closed at once, without an answer.
      await #expect(throws: (any Error).self) { try await client.response(to: "/healthz") }
      for channel in channels {
        try await channel.close()
      }
    }
  }
}
