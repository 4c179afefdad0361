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

/// What happened in simulations, to show that they met what they are meant to meet.
package struct SimulationReport: Sendable {
  package var runs = 0
  package var steps = 0
  /// The RPCs that their callers asked for.
  package var calls = 0
  package var framesSent = 0
  package var messagesReceived = 0
  /// Everything else that happened, by name.
  package private(set) var events: [String: Int] = [:]

  package init() {}

  package mutating func count(_ event: String) {
    self.events[event, default: 0] += 1
  }

  package mutating func add(_ other: SimulationReport) {
    self.runs += other.runs
    self.steps += other.steps
    self.calls += other.calls
    self.framesSent += other.framesSent
    self.messagesReceived += other.messagesReceived
    self.events.merge(other.events, uniquingKeysWith: +)
  }
}

extension SimulationReport: CustomStringConvertible {
  package var description: String {
    var lines = [
      "\(self.runs) runs, \(self.steps) steps, \(self.calls) RPCs, \(self.framesSent) frames, "
        + "\(self.messagesReceived) messages"
    ]
    for (event, count) in self.events.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(count) \(event)")
    }
    return lines.joined(separator: "\n")
  }
}
