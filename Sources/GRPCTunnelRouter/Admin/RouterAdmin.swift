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

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

internal import GRPCCore
internal import GRPCTunnel
internal import GRPCTunnelAdmin

/// What a router's admin address tells about, and acts on.
final class RouterAdmin: AdminSource {
  /// Tells who has opened a tunnel; nil for nobody in particular.
  typealias Identify = @Sendable (_ tunnel: TunnelInformation) -> String?

  private let tunnels: ReverseTunnels<String>
  private let identify: Identify
  private let startedAt = Date()
  let configuration: String
  private let history = LockedValue(TunnelHistory())
  private let currentState = LockedValue(Overview.State.starting)

  /// - Parameter configuration: The router's settings.
  init(
    tunnels: ReverseTunnels<String>,
    configuration: String,
    identify: @escaping Identify
  ) {
    self.tunnels = tunnels
    self.configuration = configuration
    self.identify = identify
  }

  // MARK: - What happens

  /// The router can forward RPCs.
  func started() {
    self.currentState.withLock { state in
      if state == .starting { state = .ready }
    }
  }

  /// The router takes no more RPCs.
  func drains() {
    self.currentState.withLock { $0 = .draining }
  }

  /// Takes note of what happens to a tunnel.
  func note(_ event: ReverseTunnelEvent<String>) {
    let now = Date()
    switch event {
    case .opened(let tunnel, let key):
      self.opened(tunnel, key: key, at: now)
    case .draining(let tunnel, let key, let side):
      self.opened(tunnel, key: key, at: now)
      self.history.withLock { $0.draining(tunnel.id, side: side, at: now) }
    case .closed(let tunnel, let key, let closure):
      self.opened(tunnel, key: key, at: now)
      self.history.withLock { $0.closed(tunnel.id, closure, at: now) }
    case .missed:
      let open = self.tunnels.tunnels
      self.history.withLock { $0.missed(stillOpen: Set(open.map(\.tunnel.id))) }
      // Those that opened meanwhile; of a tunnel that is being opened an event comes, or none.
      for snapshot in open where snapshot.state != .opening {
        self.opened(snapshot.tunnel, key: snapshot.key, at: now - snapshot.age / .seconds(1))
      }
    }
  }

  private func opened(_ tunnel: TunnelInformation, key: String, at date: Date) {
    if self.history.withLock({ $0[tunnel.id] != nil }) { return }
    let identity = self.identify(tunnel)
    self.history.withLock { $0.opened(tunnel, key: key, identity: identity, at: date) }
  }

  // MARK: - Telling

  var state: Overview.State {
    self.currentState.withLock { $0 }
  }

  func overview() async -> Overview {
    let now = Date()
    let tunnels = self.tunnels.tunnels.map { self.report(of: $0, now: now) }
    return Overview(
      program: "router",
      version: Version.current,
      startedAt: self.startedAt,
      now: now,
      state: self.state,
      actions: [.drain, .close],
      keepsRPCs: false,
      tunnels: tunnels,
      closed: self.history.withLock { $0.closed(now: now) }
    )
  }

  private func report(of snapshot: ReverseTunnelSnapshot<String>, now: Date) -> TunnelReport {
    let since = now - snapshot.age / .seconds(1)
    // Its event may not have been read yet; and that of its end may have been, meanwhile.
    let known = self.history.withLock { $0[snapshot.tunnel.id] }
    var report = known ?? TunnelReport(snapshot.tunnel, key: snapshot.key, since: since)
    if known == nil { report.identity = self.identify(snapshot.tunnel) }
    report.take(snapshot.statistics)
    report.state = snapshot.state.name
    report.openRPCs = snapshot.openStreams
    return report
  }

  // MARK: - Acting

  func drain(_ id: String) -> Bool {
    self.find(id).map { self.tunnels.drain($0) } ?? false
  }

  func close(_ id: String, reason: String?) -> Bool {
    let message = "closed by the operator" + (reason.map { ": \($0)" } ?? "")
    let error = RPCError(code: .unavailable, message: message)
    guard let id = self.find(id) else { return false }
    self.history.withLock { $0.closing(id) }
    return self.tunnels.close(id, reason: error)
  }

  private func find(_ id: String) -> TunnelID? {
    self.tunnels.tunnels.first { "\($0.tunnel.id)" == id }?.tunnel.id
  }
}

extension ReverseTunnelState {
  /// The name in docs/admin-api.md.
  fileprivate var name: String {
    switch self {
    case .opening: "opening"
    case .ready: "ready"
    case .silent: "silent"
    case .full: "full"
    case .suspended: "suspended"
    case .draining: "draining"
    case .closing, .closed: "closing"
    }
  }
}
