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
package import FoundationEssentials
#else
package import Foundation
#endif

/// What the admin address tells: see docs/admin-api.md.
package struct Overview: Codable, Sendable {
  /// What a program can do.
  package enum State: String, Codable, Sendable {
    /// It does not listen yet.
    case starting
    /// It forwards RPCs.
    case ready
    /// An agent that has no tunnel.
    case waiting
    /// It takes no more RPCs.
    case draining
  }

  /// What can be done to a tunnel.
  package enum Action: String, Codable, Sendable {
    case drain
    case close
  }

  package var program: String
  package var version: String
  package var startedAt: Date
  package var now: Date
  package var state: State
  package var actions: [Action]
  package var keepsRPCs: Bool
  package var tunnels: [TunnelReport]
  /// The newest first.
  package var closed: [TunnelReport]

  package init(
    program: String,
    version: String,
    startedAt: Date,
    now: Date,
    state: State,
    actions: [Action],
    keepsRPCs: Bool,
    tunnels: [TunnelReport],
    closed: [TunnelReport]
  ) {
    self.program = program
    self.version = version
    self.startedAt = startedAt
    self.now = now
    self.state = state
    self.actions = actions
    self.keepsRPCs = keepsRPCs
    self.tunnels = tunnels
    self.closed = closed
  }
}

/// What is not as it was in an ``Overview``.
package struct OverviewChanges: Codable, Sendable {
  package var now: Date
  package var state: Overview.State
  /// Those that are new, or have changed.
  package var tunnels: [TunnelReport]
  /// The ids of those that are not open any more.
  package var gone: [String]
  /// Those that have closed.
  package var closed: [TunnelReport]
}

/// Finds out what has changed since somebody was told last.
struct OverviewFollower {
  private var tunnels: [String: TunnelReport]
  private var closed: Set<String>

  init(_ overview: Overview) {
    self.tunnels = Self.byID(overview.tunnels)
    self.closed = Set(overview.closed.map(\.id))
  }

  /// What is to be told next.
  mutating func changes(to overview: Overview) -> OverviewChanges {
    let latest = Self.byID(overview.tunnels)
    defer {
      self.tunnels = latest
      self.closed = Set(overview.closed.map(\.id))
    }
    return OverviewChanges(
      now: overview.now,
      state: overview.state,
      tunnels: overview.tunnels.filter { self.tunnels[$0.id] != $0 },
      gone: self.tunnels.keys.filter { latest[$0] == nil }.sorted(),
      closed: overview.closed.filter { !self.closed.contains($0.id) }
    )
  }

  private static func byID(_ tunnels: [TunnelReport]) -> [String: TunnelReport] {
    Dictionary(tunnels.map { ($0.id, $0) }) { $1 }
  }
}
