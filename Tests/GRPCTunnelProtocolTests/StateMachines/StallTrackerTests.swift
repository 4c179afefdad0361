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

@Suite("Stalls of revision zero (PROTOCOL.md 6)")
struct StallTrackerTests {
  @Test("A stream that stays full comes out after the limit, counted from the first time")
  func limit() {
    var tracker = StallTracker(timeout: .seconds(30))
    tracker.begin(1, now: .seconds(1))
    tracker.begin(1, now: .seconds(20))
    #expect(tracker.next == .seconds(31))
    #expect(tracker.popExpired(now: .seconds(30)) == nil)
    #expect(tracker.popExpired(now: .seconds(31)) == 1)
    #expect(tracker.isEmpty)
  }

  @Test("Those that come out together do so in order, so that runs can be repeated")
  func order() {
    var tracker = StallTracker(timeout: .seconds(30))
    tracker.begin(9, now: .zero)
    for id in [5, 3, 7, 1] as [StreamID] { tracker.begin(id, now: .seconds(1)) }
    var expired: [StreamID] = []
    while let id = tracker.popExpired(now: .seconds(31)) { expired.append(id) }
    #expect(expired == [9, 1, 3, 5, 7])
  }

  @Test("A stream that is read, or ends, is forgotten")
  func removal() {
    var tracker = StallTracker(timeout: .seconds(30))
    tracker.begin(1, now: .zero)
    tracker.begin(2, now: .seconds(1))
    tracker.remove(1)
    #expect(tracker.next == .seconds(31))
    tracker.remove(2)
    #expect(tracker.isEmpty)
    #expect(tracker.next == nil)
    tracker.begin(1, now: .seconds(40))
    #expect(tracker.next == .seconds(70))
  }
}
