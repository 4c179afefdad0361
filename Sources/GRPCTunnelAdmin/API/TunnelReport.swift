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

internal import GRPCCore
package import GRPCTunnel

/// What the admin address tells of a tunnel, open or closed: see docs/admin-api.md.
package struct TunnelReport: Codable, Hashable, Sendable {
  package struct RPCs: Codable, Hashable, Sendable {
    package var started: UInt64
    /// By the name of the status.
    package var finished: [String: UInt64]
  }

  package struct Traffic: Codable, Hashable, Sendable {
    package var messages: UInt64
    package var bytes: UInt64
  }

  package struct Stalls: Codable, Hashable, Sendable {
    package var count: UInt64
    package var seconds: Double
  }

  package enum Side: String, Codable, Hashable, Sendable {
    case local
    case remote
  }

  package var id: String
  package var key: String
  package var identity: String?
  package var peer: String
  /// nil for a tunnel that has closed.
  package var state: String?
  /// nil where there is no tunnel yet.
  package var since: Date?
  package var revision: Int
  package var extensions: [String]
  package var openRPCs: Int?
  package var rpcs: RPCs
  package var sent: Traffic
  package var received: Traffic
  package var heldBytes: Int?
  package var windowStalls: Stalls
  package var roundTripSeconds: Double?
  package var drainingSince: Date?
  package var drainingSide: Side?
  package var retryAt: Date?
  package var closedAt: Date?
  package var closedBy: Side?
  package var failed: Bool?
  package var code: String?
  package var reason: String?

  /// A place for a tunnel of which nothing is known yet.
  package init(id: String, key: String, peer: String) {
    self.id = id
    self.key = key
    self.peer = peer
    self.revision = 0
    self.extensions = []
    self.rpcs = RPCs(started: 0, finished: [:])
    self.sent = Traffic(messages: 0, bytes: 0)
    self.received = Traffic(messages: 0, bytes: 0)
    self.windowStalls = Stalls(count: 0, seconds: 0)
  }

  /// What is known of a tunnel from its opening on.
  package init(_ tunnel: TunnelInformation, key: String, since: Date) {
    self.init(id: "\(tunnel.id)", key: key, peer: tunnel.remotePeer)
    self.since = since
    self.revision = tunnel.revision
    self.extensions = tunnel.extensions
  }

  /// Takes over what this end has done in the tunnel so far.
  package mutating func take(_ statistics: TunnelStatistics) {
    let finished = statistics.finishedRPCs.map { ($0.key.name, $0.value) }
    self.rpcs = RPCs(
      started: statistics.startedRPCs,
      finished: Dictionary(finished) { $0 &+ $1 }
    )
    self.sent = Traffic(messages: statistics.sentMessages, bytes: statistics.sentBytes)
    self.received = Traffic(messages: statistics.receivedMessages, bytes: statistics.receivedBytes)
    self.windowStalls = Stalls(
      count: statistics.windowStalls,
      seconds: statistics.windowStallTime / .seconds(1)
    )
    self.heldBytes = statistics.bufferedBytes
    self.roundTripSeconds = statistics.probeRoundTrip.map { $0 / .seconds(1) }
  }

  /// The tunnel has ended.
  package mutating func close(_ closure: TunnelClosure, at date: Date) {
    self.state = nil
    self.openRPCs = nil
    self.heldBytes = nil
    self.roundTripSeconds = nil
    self.closedAt = date
    self.closedBy = Side(closure.side)
    self.failed = closure.error != nil
    self.reason = closure.reason.map { String($0.prefix(Self.maximumReasonLength)) }
    self.code = (closure.error?.cause as? RPCError).map { Status.Code($0.code).name }
  }

  /// A peer has a say in reasons, but not in how long they are.
  private static let maximumReasonLength = 512
}

extension TunnelReport.Side {
  package init(_ side: TunnelClosure.Side) {
    switch side {
    case .local: self = .local
    case .remote: self = .remote
    }
  }
}
