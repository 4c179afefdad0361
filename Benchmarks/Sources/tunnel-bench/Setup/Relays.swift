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

/// The relays that stand between the two ends of a test bed; none when there is no delay.
final class Relays {
  /// The time from one end to the other and back; nil for no relays.
  private let roundTrip: Duration?
  private var processes: [ServerProcess] = []

  init(roundTrip: Duration?) {
    self.roundTrip = roundTrip
  }

  /// The ports to use in place of `ports`, which are there already.
  func ports(for ports: [Int]) async throws -> [Int] {
    guard let roundTrip = self.roundTrip, !ports.isEmpty else { return ports }
    let delay = Int(roundTrip / .microseconds(2))
    let process = try ServerProcess(
      arguments: ["relay", "--delay", "\(delay)"] + ports.map { "\($0)" }
    )
    self.processes.append(process)
    let relayed = try await process.firstLine().split(separator: " ").compactMap { Int($0) }
    guard relayed.count == ports.count else {
      throw RPCError(code: .internalError, message: "A relay did not say where it listens.")
    }
    return relayed
  }

  func end() {
    for process in self.processes {
      process.end()
    }
  }
}
