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

extension Overview {
  /// The open tunnels as a table, ordered by key.
  package func table(isColoured: Bool) -> String {
    if self.tunnels.isEmpty { return "No tunnels.\n" }
    var table = TerminalTable([
      ("KEY", .left), ("TUNNEL", .left), ("STATE", .left), ("AGE", .right), ("OPEN", .right),
      ("RPCS", .right), ("FAILED", .right), ("SENT", .right), ("RECEIVED", .right),
      ("ROUND TRIP", .right), ("PEER", .left),
    ])
    for tunnel in self.tunnels.sorted(by: TunnelReport.isBefore) {
      let failed = tunnel.failedCount
      table.add([
        .init(tunnel.key), .init(tunnel.id), .init(tunnel.state ?? "", tunnel.stateColour),
        .init(tunnel.since.map { TerminalText.age(self.now.timeIntervalSince($0)) } ?? ""),
        .init("\(tunnel.openRPCs ?? 0)"), .init("\(tunnel.endedCount)"),
        .init("\(failed)", failed > 0 ? .red : nil),
        .init(TerminalText.size(tunnel.sent.bytes)),
        .init(TerminalText.size(tunnel.received.bytes)),
        .init(tunnel.roundTripSeconds.map { TerminalText.latency($0) } ?? ""),
        .init(tunnel.peer),
      ])
    }
    return table.text(isColoured: isColoured)
  }

  /// The tunnels that have closed as a table, the newest first.
  package func closedTable(isColoured: Bool) -> String {
    if self.closed.isEmpty { return "No tunnel has closed within the last hour.\n" }
    var table = TerminalTable([
      ("KEY", .left), ("TUNNEL", .left), ("CLOSED", .left), ("WAS OPEN", .right),
      ("RPCS", .right), ("BY", .left), ("WHY", .left),
    ])
    for tunnel in self.closed {
      table.add([
        .init(tunnel.key), .init(tunnel.id),
        .init(tunnel.closedAt.map { TerminalText.moment($0) } ?? ""),
        .init(tunnel.openTime(now: self.now).map { TerminalText.age($0) } ?? ""),
        .init("\(tunnel.endedCount)"), .init(tunnel.closer),
        .init(tunnel.why, tunnel.failed == true ? .red : nil),
      ])
    }
    return table.text(isColoured: isColoured)
  }
}

extension TunnelReport {
  /// Everything, a line for each fact.
  package func description(now: Date, isColoured: Bool) -> String {
    let state = self.state ?? (self.failed == true ? "failed" : "closed")
    var facts = [
      ("key", self.key), ("tunnel", self.id),
      ("state", isColoured ? self.stateColour?.apply(to: state) ?? state : state),
      ("identity", self.identity ?? "not asked for"),
      ("peer", self.peer.isEmpty ? "not known" : self.peer),
    ]
    if let since = self.since {
      let age = self.openTime(now: now).map { TerminalText.age($0) } ?? ""
      facts.append(("opened", "\(TerminalText.moment(since)), for \(age)"))
    }
    if let date = self.drainingSince {
      facts.append(("draining", "\(TerminalText.moment(date)), by the \(self.drainer)"))
    }
    if let date = self.closedAt {
      facts.append(("closed", "\(TerminalText.moment(date)), by \(self.closer)"))
    }
    if !self.why.isEmpty { facts.append(("reason", self.why)) }
    if let date = self.retryAt { facts.append(("next attempt", TerminalText.moment(date))) }
    let extensions = self.extensions.isEmpty ? "none" : self.extensions.joined(separator: ", ")
    facts.append(("protocol", "revision \(self.revision), extensions: \(extensions)"))
    if let count = self.openRPCs { facts.append(("open RPCs", "\(count)")) }
    let ended = self.rpcs.finished.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }
    facts.append(("ended RPCs", ended.isEmpty ? "none" : ended.joined(separator: ", ")))
    for (name, traffic) in [("sent", self.sent), ("received", self.received)] {
      facts.append((name, "\(traffic.messages) messages, \(TerminalText.size(traffic.bytes))"))
    }
    if let count = self.heldBytes {
      facts.append(("held", TerminalText.size(UInt64(clamping: count))))
    }
    let stalls = self.windowStalls
    facts.append(("window stalls", "\(stalls.count), \(TerminalText.latency(stalls.seconds))"))
    if let seconds = self.roundTripSeconds {
      facts.append(("round trip", TerminalText.latency(seconds)))
    }
    let width = facts.map(\.0.count).max() ?? 0
    return facts.map { name, text in
      // A colour is ours; anything else may be the peer's.
      let text = name == "state" ? text : TerminalText.printable(text)
      return name + String(repeating: " ", count: width - name.count + 2) + text + "\n"
    }.joined()
  }

  /// By key, with numbers as numbers, and then by age.
  fileprivate static func isBefore(_ one: TunnelReport, _ other: TunnelReport) -> Bool {
    let (key, otherKey) = (TerminalText.sortable(one.key), TerminalText.sortable(other.key))
    if key != otherKey { return key < otherKey }
    return TerminalText.sortable(one.id) < TerminalText.sortable(other.id)
  }

  fileprivate var endedCount: UInt64 {
    self.rpcs.finished.values.reduce(0, &+)
  }

  fileprivate var failedCount: UInt64 {
    self.endedCount &- (self.rpcs.finished["OK"] ?? 0)
  }

  fileprivate func openTime(now: Date) -> Double? {
    self.since.map { (self.closedAt ?? now).timeIntervalSince($0) }
  }

  fileprivate var drainer: String {
    self.drainingSide == .local ? "this end" : "other end"
  }

  fileprivate var closer: String {
    switch (self.closedBy, self.failed) {
    case (.remote, true): "peer or network"
    case (.remote, _): "peer"
    case (.local, _): "this end"
    case (.none, _): ""
    }
  }

  fileprivate var why: String {
    (self.reason ?? "") + (self.code.map { self.reason == nil ? $0 : " (\($0))" } ?? "")
  }

  fileprivate var stateColour: TerminalColour? {
    switch self.state {
    case "ready": .green
    case .none: self.failed == true ? .red : .dim
    case "closing", "stopped": .red
    case .some: .yellow
    }
  }
}

/// Tells what happens to tunnels, a line for each event.
package struct TunnelWatch: Sendable {
  private var states: [String: String] = [:]
  private let isColoured: Bool

  package init(isColoured: Bool) {
    self.isColoured = isColoured
  }

  /// The lines for what has happened.
  package mutating func lines(for event: AdminClient.Event) -> [String] {
    switch event {
    case .overview(let overview):
      // Where it goes on after a lost connection, what is known is not told again.
      let new = overview.tunnels.filter { self.states[$0.id] != $0.state }
      defer { self.note(overview.tunnels, gone: []) }
      return new.map { self.line(overview.now, $0, $0.state ?? "", $0.stateColour, $0.peer) }
    case .changes(let changes):
      let new = changes.tunnels.filter { self.states[$0.id] != $0.state }
      defer { self.note(changes.tunnels, gone: changes.gone) }
      return new.map { self.line(changes.now, $0, $0.state ?? "", $0.stateColour, $0.peer) }
        + changes.closed.reversed().map { tunnel in
          let how = tunnel.failed == true ? "failed" : "closed"
          let why = tunnel.why.isEmpty ? "" : ": \(tunnel.why)"
          let date = tunnel.closedAt ?? changes.now
          return self.line(date, tunnel, how, tunnel.stateColour, "by \(tunnel.closer)\(why)")
        }
    }
  }

  private mutating func note(_ tunnels: [TunnelReport], gone: [String]) {
    for tunnel in tunnels {
      self.states[tunnel.id] = tunnel.state
    }
    for id in gone {
      self.states.removeValue(forKey: id)
    }
  }

  private func line(
    _ date: Date,
    _ tunnel: TunnelReport,
    _ event: String,
    _ colour: TerminalColour?,
    _ details: String
  ) -> String {
    let padded = event + String(repeating: " ", count: max(0, 8 - event.count))
    let shown = self.isColoured ? colour?.apply(to: padded) ?? padded : padded
    let text = TerminalText.printable("\(tunnel.key) \(tunnel.id) \(details)")
    return "\(TerminalText.moment(date)) \(shown) \(text)"
  }
}
