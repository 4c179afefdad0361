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

internal import GRPCTunnel
internal import GRPCTunnelAdmin

/// What an agent's admin address tells about: the places for tunnels, one or more for each router.
final class AgentAdmin: AdminSource {
  /// A place for a tunnel, and the key of what is offered through it.
  private typealias Place = (key: String, slot: TunnelSlotState)

  private let offers: [AgentOffer]
  private let isDraining: @Sendable () -> Bool
  private let startedAt = Date()
  let configuration: String

  init(
    offers: [AgentOffer],
    configuration: String,
    isDraining: @escaping @Sendable () -> Bool
  ) {
    self.offers = offers.sorted { $0.key < $1.key }
    self.configuration = configuration
    self.isDraining = isDraining
  }

  var state: Overview.State {
    self.state(self.places)
  }

  private var places: [Place] {
    self.offers.flatMap { offer in offer.slots.map { (offer.key, $0) } }
  }

  private func state(_ places: [Place]) -> Overview.State {
    if self.isDraining() { return .draining }
    let hasTunnel = places.contains { place in
      if case .ready = place.slot.state { true } else { false }
    }
    return hasTunnel ? .ready : .waiting
  }

  func overview() async -> Overview {
    let places = self.places
    let clock = (wall: Date(), now: ContinuousClock.now)
    return Overview(
      program: "agent",
      version: Version.current,
      startedAt: self.startedAt,
      now: clock.wall,
      state: self.state(places),
      actions: [],
      keepsRPCs: false,
      tunnels: places.map { place in
        self.report(of: place) { instant in
          // To a tenth of a second, for it to stay the same: it is worked out anew each time.
          let date = clock.wall + clock.now.duration(to: instant) / .seconds(1)
          return Date(
            timeIntervalSince1970: (date.timeIntervalSince1970 * 10).rounded() / 10
          )
        }
      },
      closed: []
    )
  }

  private func report(
    of place: Place,
    date: (ContinuousClock.Instant) -> Date
  ) -> TunnelReport {
    let (key, slot) = place
    var name = slot.slot == 0 ? slot.endpoint : "\(slot.endpoint)/\(slot.slot)"
    if self.offers.count > 1 { name = "\(key)@\(name)" }
    var report = TunnelReport(id: name, key: key, peer: slot.endpoint)
    switch slot.state {
    case .idle:
      report.state = "idle"
    case .connecting:
      report.state = "connecting"
    case .ready(let since, let tunnel, _):
      report = TunnelReport(tunnel, key: key, since: date(since))
      report.id = name
      report.peer = slot.endpoint
      report.state = "ready"
    case .backingOff(let error, let time):
      report.state = "retrying"
      report.reason = error.message
      report.retryAt = date(time)
    case .draining:
      report.state = "draining"
    case .stopped(let error):
      report.state = "stopped"
      report.reason = error?.message
    }
    if let statistics = slot.statistics {
      report.take(statistics)
      let ended = statistics.finishedRPCs.values.reduce(0, &+)
      report.openRPCs = Int(clamping: statistics.startedRPCs &- ended)
    } else {
      report.openRPCs = 0
      report.heldBytes = 0
    }
    return report
  }

  // An agent has no actions.

  func drain(_ id: String) -> Bool { false }

  func close(_ id: String, reason: String?) -> Bool { false }
}
