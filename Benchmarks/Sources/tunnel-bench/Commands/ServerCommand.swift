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
internal import Dispatch
internal import Foundation

/// The process that answers. `tunnel-bench` starts it itself.
struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "server", shouldDisplay: false)

  @Argument var plan: String

  func run() async throws {
    let plan = try ServerPlan(argument: self.plan)
    exitWithParent(timeLimit: plan.timeLimit)
    try await BenchmarkServer(plan: plan).run { ports in
      print(ports.map(String.init).joined(separator: " "))
      fflush(nil)
    }
  }
}

/// Ends this process when the one that started it has ended, and after a number of seconds.
func exitWithParent(timeLimit: Int) {
  Thread.detachNewThread {
    while !FileHandle.standardInput.availableData.isEmpty {}
    exit(0)
  }
  stopThisProcess(after: timeLimit)
}

/// Ends this process after a number of seconds, whatever it does.
func stopThisProcess(after seconds: Int) {
  Thread.detachNewThread {
    Thread.sleep(forTimeInterval: TimeInterval(seconds))
    FileHandle.standardError.write(Data("tunnel-bench: stopped after \(seconds) s\n".utf8))
    exit(1)
  }
}
