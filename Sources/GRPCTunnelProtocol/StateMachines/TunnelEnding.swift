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

internal import GRPCCore

/// How one end of a tunnel comes to its end: how far it is, until when the tunnel must have ended,
/// and whose doing that is.
struct TunnelEnding: Sendable {
  private enum Phase: Sendable {
    case running
    case draining
    /// All was sent, and the peer is to end the carrier.
    case outputFinished
    /// Nothing can be sent any more.
    case outputFailed(TunnelEnd)
  }

  private let drainTimeout: Duration
  private let closeTimeout: Duration
  private var phase: Phase

  /// When the tunnel is closed if it has not ended by itself.
  private(set) var deadline: Duration?

  init(configuration: TunnelConfiguration) {
    self.drainTimeout = configuration.drainTimeout
    self.closeTimeout = configuration.closeTimeout
    self.phase = .running
    self.deadline = nil
  }

  /// Whether nothing is sent any more, because all was.
  var isOutputFinished: Bool {
    switch self.phase {
    case .outputFinished: true
    case .running, .draining, .outputFailed: false
    }
  }

  /// What became of the tunnel when nothing can be sent any more.
  var outputFailure: TunnelEnd? {
    switch self.phase {
    case .outputFailed(let end): end
    case .running, .draining, .outputFinished: nil
    }
  }

  mutating func beginDrain(now: Duration) {
    switch self.phase {
    case .running:
      self.phase = .draining
      self.deadline = now + self.drainTimeout
    case .draining, .outputFinished, .outputFailed:
      ()
    }
  }

  mutating func outputFinished(now: Duration) {
    switch self.phase {
    case .running, .draining:
      self.phase = .outputFinished
      self.deadline = now + self.closeTimeout
    case .outputFinished, .outputFailed:
      ()
    }
  }

  /// Whoever reads the carrier is about to learn why, and better than whoever writes.
  mutating func outputFailed(_ end: TunnelEnd, now: Duration) {
    switch self.phase {
    case .running, .draining, .outputFinished:
      self.phase = .outputFailed(end)
      self.deadline = now + self.closeTimeout
    case .outputFailed:
      ()
    }
  }

  /// How the tunnel ends for want of time; nil while there is some.
  func expired(now: Duration) -> TunnelEnd? {
    guard let deadline = self.deadline, deadline <= now else { return nil }
    switch self.phase {
    case .running:
      return nil
    case .draining:
      let reason = "RPCs were still open \(self.drainTimeout) after it began to drain"
      return TunnelEnd(initiator: .local, error: nil, reason: reason)
    case .outputFinished:
      let reason = "the peer did not end the carrier within \(self.closeTimeout)"
      return TunnelEnd(initiator: .local, error: nil, reason: reason)
    case .outputFailed(let end):
      return end
    }
  }

  /// The end that is found, from what went before it.
  func attributed(_ end: TunnelEnd) -> TunnelEnd {
    guard self.isOutputFinished, end.error == nil else { return end }
    // The peer only answers the end that this side has begun.
    var end = end
    end.initiator = .local
    return end
  }
}
