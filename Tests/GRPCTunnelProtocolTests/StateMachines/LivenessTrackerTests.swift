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

internal import GRPCTunnelProtocol
internal import Testing

/// PROTOCOL.md 11.
@Suite("Liveness of a peer")
struct LivenessTrackerTests {
  private static func tracker(interval: Duration? = .seconds(30)) -> LivenessTracker {
    var tracker = LivenessTracker(interval: interval, timeout: .seconds(10))
    tracker.arrived(now: .seconds(1))
    return tracker
  }

  @Test("A probe is due when nothing has arrived for the interval")
  func due() {
    var tracker = Self.tracker()
    #expect(tracker.nextTimer == .seconds(31))
    #expect(tracker.due(now: .seconds(30)) == .nothing)
    tracker.arrived(now: .seconds(20))
    #expect(tracker.due(now: .seconds(31)) == .nothing)
    #expect(tracker.due(now: .seconds(50)) == .probe)
    #expect(!tracker.isSilent)
  }

  @Test("Before anything arrived, and without an interval, no probe is due")
  func never() {
    let new = LivenessTracker(interval: .seconds(30), timeout: .seconds(10))
    #expect(new.nextTimer == nil)
    #expect(Self.tracker(interval: nil).nextTimer == nil)
    #expect(Self.tracker(interval: nil).due(now: .seconds(1_000)) == .nothing)
  }

  @Test("A peer is dead when nothing arrives within the timeout after a probe")
  func dead() {
    var tracker = Self.tracker()
    tracker.probeSent(on: 7, now: .seconds(31))
    #expect(tracker.isSilent)
    #expect(tracker.nextTimer == .seconds(41))
    #expect(tracker.due(now: .seconds(40)) == .nothing)
    #expect(tracker.due(now: .seconds(41)) == .dead)
  }

  @Test("An answer is proof of life, and says how long it took")
  func answered() {
    var tracker = Self.tracker()
    tracker.probeSent(on: 7, now: .seconds(31))
    tracker.arrived(now: .seconds(33))
    let others = tracker.closed(6, now: .seconds(33))
    #expect(!others)
    let answer = tracker.closed(7, now: .seconds(33))
    #expect(answer)
    #expect(tracker.roundTrip == .seconds(2))
    #expect(tracker.nextTimer == .seconds(63))
    let second = tracker.closed(7, now: .seconds(34))
    #expect(!second)
  }

  @Test("So is any other frame; a probe whose answer stays away is asked again")
  func otherFrames() {
    var tracker = Self.tracker()
    tracker.probeSent(on: 7, now: .seconds(31))
    tracker.arrived(now: .seconds(35))
    #expect(!tracker.isSilent)
    #expect(tracker.isProbing)
    #expect(tracker.due(now: .seconds(41)) == .nothing)
    #expect(tracker.due(now: .seconds(45)) == .probe)
    tracker.probeSent(on: 8, now: .seconds(45))
    #expect(tracker.isSilent)
    #expect(tracker.due(now: .seconds(55)) == .dead)
  }

  @Test("A probe on request needs no interval")
  func onRequest() {
    var tracker = Self.tracker(interval: nil)
    tracker.probeSent(on: 2, now: .seconds(3))
    #expect(tracker.due(now: .seconds(13)) == .dead)
  }
}
