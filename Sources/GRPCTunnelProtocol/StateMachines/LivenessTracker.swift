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
/// Finds out whether the peer at the other end of a carrier still answers (PROTOCOL.md 11).
///
/// A probe is due when nothing has arrived for a while. The peer is taken for dead when, after a
/// probe, nothing arrives within a timeout: neither an answer nor any other frame.
package struct LivenessTracker: Sendable {
  private struct Probe: Sendable {
    var stream: StreamID
    var start: Duration
    var deadline: Duration
    /// Something has arrived since, if not the answer.
    var isDisproved = false
  }

  package enum Due: Hashable, Sendable {
    case nothing
    /// A probe is to be sent.
    case probe
    /// The peer is dead.
    case dead
  }

  private let interval: Duration?
  private let timeout: Duration
  private var lastArrival: Duration?
  private var probe: Probe?

  /// How long the last answer took.
  package private(set) var roundTrip: Duration?

  /// - Parameters:
  ///   - interval: How long nothing arrives before a probe is due; nil for probes on request only.
  ///   - timeout: How long nothing may arrive after a probe.
  package init(interval: Duration?, timeout: Duration) {
    self.interval = interval
    self.timeout = timeout
  }

  /// Whether a probe was sent and nothing has arrived since.
  package var isSilent: Bool {
    self.probe.map { !$0.isDisproved } ?? false
  }

  /// Whether a probe was sent and has not been answered.
  package var isProbing: Bool {
    self.probe != nil
  }

  /// Something arrived, or the tunnel opened.
  package mutating func arrived(now: Duration) {
    self.lastArrival = now
    self.probe?.isDisproved = true
    self.probe?.deadline = now + self.timeout
  }

  /// A probe is being sent on a stream of its own.
  package mutating func probeSent(on stream: StreamID, now: Duration) {
    self.probe = Probe(stream: stream, start: now, deadline: now + self.timeout)
  }

  /// Takes note of the end of a stream.
  ///
  /// - Returns: Whether it was the probe's: its answer.
  package mutating func closed(_ stream: StreamID, now: Duration) -> Bool {
    guard let probe = self.probe, probe.stream == stream else { return false }
    self.probe = nil
    self.roundTrip = now - probe.start
    return true
  }

  package var nextTimer: Duration? {
    if let probe = self.probe { return probe.deadline }
    guard let interval = self.interval, let lastArrival = self.lastArrival else { return nil }
    return lastArrival + interval
  }

  package func due(now: Duration) -> Due {
    guard let timer = self.nextTimer, timer <= now else { return .nothing }
    guard let probe = self.probe else { return .probe }
    return probe.isDisproved ? .probe : .dead
  }
}
