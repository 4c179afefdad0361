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

internal import Foundation
internal import GRPCTunnel
internal import GRPCTunnelAdmin

/// A router that makes everything up.
final class FakeSource: AdminSource {
  struct State: Sendable {
    var state = Overview.State.ready
    var tunnels: [TunnelReport] = []
    var closed: [TunnelReport] = []
    var drained: [String] = []
    var closings: [String] = []
  }

  static let start = Date(timeIntervalSince1970: 1_800_000_000)

  private let current: LockedValue<State>

  init(_ ids: String...) {
    var state = State()
    state.tunnels = ids.map { Self.tunnel($0) }
    self.current = LockedValue(state)
  }

  static func tunnel(_ id: String) -> TunnelReport {
    var report = TunnelReport(id: id, key: "shop", peer: "ipv4:127.0.0.1:1")
    report.state = "ready"
    report.since = Self.start
    report.openRPCs = 0
    return report
  }

  func update(_ change: (inout State) -> Void) {
    self.current.withLock { change(&$0) }
  }

  var now: State {
    self.current.withLock { $0 }
  }

  // MARK: - AdminSource

  var state: Overview.State {
    self.now.state
  }

  func overview() async -> Overview {
    let now = self.now
    return Overview(
      program: "router",
      version: "1.2.3",
      startedAt: Self.start,
      now: Self.start,
      state: now.state,
      actions: [.drain, .close],
      keepsRPCs: false,
      tunnels: now.tunnels,
      closed: now.closed
    )
  }

  var configuration: String { "admin: 127.0.0.1:9000\n" }

  func drain(_ id: String) -> Bool {
    guard self.now.tunnels.contains(where: { $0.id == id }) else { return false }
    self.update { $0.drained.append(id) }
    return true
  }

  func close(_ id: String, reason: String?) -> Bool {
    guard self.now.tunnels.contains(where: { $0.id == id }) else { return false }
    self.update { $0.closings.append("\(id): \(reason ?? "no reason")") }
    return true
  }
}

extension AdminServer {
  /// On 127.0.0.1, for everyone; or for who shows the token "secret".
  init(
    _ source: FakeSource,
    hasToken: Bool = false,
    metrics: PrometheusMetrics = PrometheusMetrics(help: [:]),
    clock: TunnelClock = .continuous
  ) {
    let isSecret: @Sendable (Substring) -> Bool = { $0 == "secret" }
    self.init(
      source: source,
      access: AdminAccess(
        host: "admin.example.com",
        isTokenValid: hasToken ? isSecret : nil
      ),
      metrics: metrics,
      clock: clock
    )
  }
}

extension HTTPResponse {
  var text: String {
    guard case .bytes(let bytes) = self.body else { return "(a stream)" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
