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

internal import ArgumentParser
internal import Foundation

/// A relay in a process of its own. `tunnel-bench` starts it itself.
struct RelayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "relay", shouldDisplay: false)

  /// How many microseconds bytes take in one direction.
  @Option var delay: Int

  @Option var timeLimit = 3600

  @Argument var targets: [Int]

  func run() async throws {
    exitWithParent(timeLimit: self.timeLimit)
    let relay = DelayingRelay(delay: .microseconds(self.delay))
    try await relay.run(targets: self.targets) { ports in
      print(ports.map(String.init).joined(separator: " "))
      fflush(nil)
    }
  }
}
