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

package import GRPCTunnel
internal import NIOHTTP1

/// Answers the requests to an admin address, as docs/admin-api.md says.
package struct AdminServer: Sendable {
  /// How many streams of events may be open.
  package static let maximumStreamCount = 16

  private let source: any AdminSource
  private let access: AdminAccess
  private let metrics: PrometheusMetrics
  private let clock: TunnelClock
  private let streamCount = Counter()

  package init(
    source: any AdminSource,
    access: AdminAccess,
    metrics: PrometheusMetrics,
    clock: TunnelClock = .continuous
  ) {
    self.source = source
    self.access = access
    self.metrics = metrics
    self.clock = clock
  }

  /// Answers a request.
  package func answer(_ request: HTTPRequest) async -> HTTPResponse {
    var response: HTTPResponse
    do throws(AdminError) {
      response = try await self.response(to: request)
    } catch {
      response = error.response
    }
    // What is told is of the moment, for nobody else's page, and never more than what its type says.
    response.headers.add(name: "cache-control", value: "no-store")
    response.headers.add(name: "x-content-type-options", value: "nosniff")
    response.headers.add(name: "referrer-policy", value: "no-referrer")
    response.headers.add(name: "cross-origin-resource-policy", value: "same-origin")
    response.headers.add(name: "content-security-policy", value: Self.contentPolicy)
    return response
  }

  /// Nothing from elsewhere, nothing to elsewhere, no script in the text of the page, no frames.
  private static let contentPolicy = """
    default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'
    """

  private func response(to request: HTTPRequest) async throws(AdminError) -> HTTPResponse {
    try self.access.checkHost(request)
    guard let segments = request.segments else {
      throw AdminError(.badRequest, "The path is not a path.")
    }
    switch segments {
    case ["healthz"]:
      try Self.checkIsReading(request)
      return .text(.ok, "ok\n")
    case ["readyz"]:
      try Self.checkIsReading(request)
      let state = self.source.state
      return .text(state == .ready ? .ok : .serviceUnavailable, "\(state.rawValue)\n")
    case ["metrics"]:
      try self.checkReader(request)
      return HTTPResponse(
        .ok,
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: .bytes(Array(self.metrics.text.utf8))
      )
    case ["api", "tunnels"]:
      try self.checkReader(request)
      return try Self.json(await self.source.overview())
    case ["api", "config"]:
      try self.checkReader(request)
      return .text(.ok, self.source.configuration)
    case ["api", "events"]:
      try self.checkReader(request)
      return try self.events(request)
    case let segments where segments.starts(with: ["api", "tunnels"]):
      return try await self.answer(request, aboutTunnel: segments.dropFirst(2))
    default:
      guard let file = PageFile.at(request.path) else {
        throw AdminError(.notFound, "There is nothing at '\(request.path)'.")
      }
      try Self.checkIsReading(request)
      return HTTPResponse(.ok, contentType: file.type, body: .bytes(file.bytes))
    }
  }

  // MARK: - One tunnel

  private func answer(
    _ request: HTTPRequest,
    aboutTunnel segments: ArraySlice<String>
  ) async throws(AdminError) -> HTTPResponse {
    let id = segments.first ?? ""
    switch Array(segments.dropFirst()) {
    case []:
      try self.checkReader(request)
      let overview = await self.source.overview()
      let all = overview.tunnels + overview.closed
      guard let tunnel = all.first(where: { $0.id == id }) else { throw Self.noTunnel(id) }
      return try Self.json(tunnel)
    case ["drain"]:
      try self.checkWriter(request)
      guard self.source.drain(id) else { throw Self.noTunnel(id) }
      return try Self.json(["id": id], .accepted)
    case ["close"]:
      try self.checkWriter(request)
      let reason = try Self.reason(in: request)
      guard self.source.close(id, reason: reason) else { throw Self.noTunnel(id) }
      return try Self.json(["id": id], .accepted)
    default:
      throw AdminError(.notFound, "There is nothing at '\(request.path)'.")
    }
  }

  private static func noTunnel(_ id: String) -> AdminError {
    AdminError(.notFound, "There is no tunnel '\(id)'.")
  }

  private static func reason(in request: HTTPRequest) throws(AdminError) -> String? {
    if request.body.isEmpty { return nil }
    guard let body = try? AdminJSON.decode([String: String].self, from: request.body),
      body.keys.allSatisfy({ $0 == "reason" })
    else {
      throw AdminError(.badRequest, "The body is not like {\"reason\": \"…\"}.")
    }
    guard let reason = body["reason"], !reason.isEmpty else { return nil }
    if reason.count > 200 {
      throw AdminError(.badRequest, "The reason has more than 200 characters.")
    }
    return reason
  }

  // MARK: - Events

  private func events(_ request: HTTPRequest) throws(AdminError) -> HTTPResponse {
    guard self.streamCount.increment(upTo: Self.maximumStreamCount) else {
      throw AdminError(.serviceUnavailable, "There are too many streams of events.")
    }
    // Given back when nobody holds it any more: the body may never be asked for.
    let place = Place { [streamCount] in streamCount.decrement() }
    return HTTPResponse(
      .ok,
      contentType: "text/event-stream",
      body: .stream { write in
        defer { withExtendedLifetime(place) {} }
        try await self.sendEvents(request, write)
      }
    )
  }

  private func sendEvents(_ request: HTTPRequest, _ write: HTTPResponse.Write) async throws {
    let overview = await self.source.overview()
    var follower = OverviewFollower(overview)
    try await write(Self.event("overview", overview))
    while true {
      try await self.clock.sleep(self.clock.now() + .seconds(1))
      // A token may have been revoked since.
      try self.access.checkToken(request)
      let changes = follower.changes(to: await self.source.overview())
      try await write(Self.event("changes", changes))
    }
  }

  private static func event(_ name: String, _ value: some Encodable) throws -> [UInt8] {
    try Array("event: \(name)\ndata: ".utf8) + AdminJSON.encode(value) + Array("\n\n".utf8)
  }

  // MARK: - What is asked for

  private static func checkIsReading(_ request: HTTPRequest) throws(AdminError) {
    guard request.method == .GET || request.method == .HEAD else {
      throw AdminError(.methodNotAllowed, "Only GET is answered here.")
    }
  }

  private func checkReader(_ request: HTTPRequest) throws(AdminError) {
    try Self.checkIsReading(request)
    try self.access.checkToken(request)
  }

  private func checkWriter(_ request: HTTPRequest) throws(AdminError) {
    guard request.method == .POST else {
      throw AdminError(.methodNotAllowed, "Only POST is answered here.")
    }
    try self.access.checkSite(request)
    try self.access.checkToken(request)
  }

  private static func json(
    _ value: some Encodable,
    _ status: HTTPResponseStatus = .ok
  ) throws(AdminError) -> HTTPResponse {
    do {
      let bytes = try AdminJSON.encode(value)
      return HTTPResponse(status, contentType: "application/json", body: .bytes(bytes))
    } catch {
      throw AdminError(.internalServerError, "This cannot be told as JSON.")
    }
  }
}

/// Something that is given back when nobody holds it any more.
private final class Place: Sendable {
  private let giveBack: @Sendable () -> Void

  init(giveBack: @escaping @Sendable () -> Void) {
    self.giveBack = giveBack
  }

  deinit {
    self.giveBack()
  }
}
