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
internal import NIOCore
package import NIOHTTP1
internal import NIOPosix
package import NIOSSL

/// Asks the admin address of a router or an agent. Each request has a connection of its own.
package struct AdminClient: Sendable {
  private let host: String
  private let port: Int
  private let token: String?
  private let tls: NIOSSLContext?

  /// - Parameters:
  ///   - token: Shown with each request, unless it is nil.
  ///   - tls: nil for connections that are not encrypted.
  package init(host: String, port: Int, token: String? = nil, tls: NIOSSLContext? = nil) {
    self.host = host
    self.port = port
    self.token = token
    self.tls = tls
  }

  // MARK: - Requests

  package func overview() async throws -> Overview {
    try await AdminJSON.decode(Overview.self, from: self.read("/api/tunnels"))
  }

  package func tunnel(_ id: String) async throws -> TunnelReport {
    try await AdminJSON.decode(
      TunnelReport.self,
      from: self.read("/api/tunnels/\(Self.escaped(id))")
    )
  }

  package func drain(_ id: String) async throws {
    _ = try await self.read("/api/tunnels/\(Self.escaped(id))/drain", .POST)
  }

  package func close(_ id: String, reason: String?) async throws {
    let body = try reason.map { try AdminJSON.encode(["reason": $0]) } ?? []
    _ = try await self.read("/api/tunnels/\(Self.escaped(id))/close", .POST, body: body)
  }

  /// The program's settings, without secrets.
  package func configuration() async throws -> String {
    String(decoding: try await self.read("/api/config"), as: UTF8.self)
  }

  /// The metrics, as Prometheus reads them.
  package func metrics() async throws -> String {
    String(decoding: try await self.read("/metrics"), as: UTF8.self)
  }

  /// What is at a path, whatever the status.
  package func response(
    to path: String,
    _ method: HTTPMethod = .GET,
    headers: HTTPHeaders = [:],
    body: [UInt8] = []
  ) async throws -> (status: Int, headers: HTTPHeaders, body: [UInt8]) {
    try await self.exchange(path, method, headers, body) { head, parts in
      var bytes: [UInt8] = []
      while let part = try await parts.next() {
        guard case .body(let buffer) = part else { break }
        guard bytes.count <= Self.maximumResponseSize else {
          throw AdminClientError("the answer of \(self.host):\(self.port) is too long")
        }
        bytes.append(contentsOf: buffer.readableBytesView)
      }
      return (Int(head.status.code), head.headers, bytes)
    }
  }

  private static let maximumResponseSize = 64 * 1024 * 1024

  private func read(
    _ path: String,
    _ method: HTTPMethod = .GET,
    body: [UInt8] = []
  ) async throws -> [UInt8] {
    let response = try await self.response(
      to: path,
      method,
      headers: method == .POST ? [AdminAccess.header: "1"] : [:],
      body: body
    )
    try Self.check(response.status, response.body)
    return response.body
  }

  private static func check(_ status: Int, _ body: [UInt8]) throws(AdminClientError) {
    if (200 ..< 300).contains(status) { return }
    let told = try? AdminJSON.decode([String: String].self, from: body)
    throw AdminClientError(told?["error"] ?? "the answer has the status \(status)", status: status)
  }

  // MARK: - Events

  /// What a stream of events tells.
  package enum Event: Sendable {
    case overview(Overview)
    case changes(OverviewChanges)
  }

  /// Follows what happens, until the connection ends, the closure throws or the task is cancelled.
  package func events(_ onEvent: (Event) async throws -> Void) async throws {
    try await self.exchange("/api/events", .GET, [:], []) { head, parts in
      var lines = EventLines()
      var refusal: [UInt8] = []
      while let part = try await parts.next() {
        guard case .body(let buffer) = part else { break }
        if head.status != .ok {
          guard refusal.count <= Self.maximumResponseSize else {
            throw AdminClientError("the answer of \(self.host):\(self.port) is too long")
          }
          refusal.append(contentsOf: buffer.readableBytesView)
          continue
        }
        for event in try lines.add(buffer.readableBytesView) {
          try await onEvent(event)
        }
      }
      try Self.check(Int(head.status.code), refusal)
    }
  }

  /// Puts events together from the bytes of a stream.
  private struct EventLines {
    private var rest: [UInt8] = []
    private var name = ""

    mutating func add(_ bytes: some Sequence<UInt8>) throws -> [Event] {
      self.rest.append(contentsOf: bytes)
      var events: [Event] = []
      var lines = self.rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      self.rest = lines.popLast().map { Array($0) } ?? []
      for line in lines {
        if let event = try self.event(line) { events.append(event) }
      }
      guard self.rest.count <= AdminClient.maximumResponseSize else {
        throw AdminClientError("an event is too long")
      }
      return events
    }

    private mutating func event(_ line: ArraySlice<UInt8>) throws -> Event? {
      let name = Array("event: ".utf8)
      let data = Array("data: ".utf8)
      if line.starts(with: name) {
        self.name = String(decoding: line.dropFirst(name.count), as: UTF8.self)
      }
      guard line.starts(with: data) else { return nil }
      let bytes = line.dropFirst(data.count)
      switch self.name {
      case "overview": return .overview(try AdminJSON.decode(Overview.self, from: bytes))
      case "changes": return .changes(try AdminJSON.decode(OverviewChanges.self, from: bytes))
      default: return nil
      }
    }
  }

  // MARK: - HTTP

  private typealias Parts = NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator

  private func exchange<Result: Sendable>(
    _ path: String,
    _ method: HTTPMethod,
    _ headers: HTTPHeaders,
    _ body: [UInt8],
    _ read: (_ head: HTTPResponseHead, _ parts: inout Parts) async throws -> Result
  ) async throws -> Result {
    let channel = try await self.connect()
    return try await channel.executeThenClose { inbound, outbound in
      var headers = headers
      headers.replaceOrAdd(name: "host", value: self.authority)
      headers.replaceOrAdd(name: "connection", value: "close")
      if let token = self.token {
        headers.replaceOrAdd(name: "authorization", value: "Bearer \(token)")
      }
      if !body.isEmpty {
        headers.replaceOrAdd(name: "content-length", value: "\(body.count)")
        headers.replaceOrAdd(name: "content-type", value: "application/json")
      }
      let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
      var request = [HTTPClientRequestPart.head(head)]
      if !body.isEmpty { request.append(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
      request.append(.end(nil))
      // The server may have answered, and closed, before it has seen the end. Then there is an answer
      // to read; if not, reading says so.
      try? await outbound.write(contentsOf: request)
      var parts = inbound.makeAsyncIterator()
      guard case .head(let head) = try await parts.next() else {
        throw AdminClientError("\(self.authority) gives no answer")
      }
      return try await read(head, &parts)
    }
  }

  private func connect() async throws(AdminClientError) -> NIOAsyncChannel<
    HTTPClientResponsePart, HTTPClientRequestPart
  > {
    do {
      return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connectTimeout(.seconds(10))
        .connect(host: self.host, port: self.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            if let tls = self.tls {
              let isName = (try? SocketAddress(ipAddress: self.host, port: 0)) == nil
              try pipeline.addHandler(
                NIOSSLClientHandler(context: tls, serverHostname: isName ? self.host : nil)
              )
            }
            try pipeline.addHTTPClientHandlers()
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      throw AdminClientError("cannot reach \(self.authority): \(error)")
    }
  }

  private var authority: String {
    self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
  }

  /// A part of a path.
  private static func escaped(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
        UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
        String(UnicodeScalar(byte))
      default:
        "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }.joined()
  }
}
