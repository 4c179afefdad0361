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

internal import DequeModule
internal import GRPCTunnel
internal import GRPCTunnelAdmin

/// What is remembered of tunnels: since when those are there that are open, and how others ended.
struct TunnelHistory: Sendable {
  /// For how long closed tunnels are remembered, in seconds.
  static let retentionTime = 3600.0

  /// How many are remembered at most.
  static let maximumClosedCount = 1_000

  /// What does not change while a tunnel is open, or only once.
  private var open: [TunnelID: TunnelReport] = [:]
  /// Those that somebody has told to close: that is no failure.
  private var closing: Set<TunnelID> = []
  /// The oldest first.
  private var closed: Deque<TunnelReport> = []

  /// A tunnel was opened, or is seen for the first time.
  mutating func opened(
    _ tunnel: TunnelInformation,
    key: String,
    identity: String?,
    at date: Date
  ) {
    if self.open[tunnel.id] != nil { return }
    var report = TunnelReport(tunnel, key: key, since: date)
    report.identity = identity
    self.open[tunnel.id] = report
  }

  /// A tunnel takes no more RPCs.
  mutating func draining(_ id: TunnelID, side: TunnelClosure.Side, at date: Date) {
    self.open[id]?.drainingSince = date
    self.open[id]?.drainingSide = TunnelReport.Side(side)
  }

  /// Somebody tells a tunnel to close.
  mutating func closing(_ id: TunnelID) {
    if self.open[id] != nil { self.closing.insert(id) }
  }

  /// A tunnel has ended.
  mutating func closed(_ id: TunnelID, _ closure: TunnelClosure, at date: Date) {
    guard var report = self.open.removeValue(forKey: id) else { return }
    closure.statistics.map { report.take($0) }
    report.close(closure, at: date)
    if self.closing.remove(id) != nil { report.failed = false }
    self.closed.append(report)
    if self.closed.count > Self.maximumClosedCount { self.closed.removeFirst() }
  }

  /// Some events were missed: tunnels may have ended in them.
  mutating func missed(stillOpen: Set<TunnelID>) {
    self.open = self.open.filter { stillOpen.contains($0.key) }
    self.closing.formIntersection(stillOpen)
  }

  /// What is known of a tunnel that is open.
  subscript(id: TunnelID) -> TunnelReport? {
    self.open[id]
  }

  /// Those that ended lately, the newest first.
  mutating func closed(now: Date) -> [TunnelReport] {
    while let end = self.closed.first?.closedAt,
      now.timeIntervalSince(end) > Self.retentionTime
    {
      self.closed.removeFirst()
    }
    return self.closed.reversed()
  }
}
