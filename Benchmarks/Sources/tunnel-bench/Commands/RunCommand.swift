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

/// Measures.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs benchmarks and prints what they found.",
    discussion: """
      Client and server are two processes on the loopback interface. Each case runs several times, \
      in turn with each mode and settings; printed are the medians. 'spread' is how far the runs are \
      apart, '÷direct' the rate divided by that of direct RPCs with the settings that suit those \
      better, 'CPU' the processor time of both processes for each RPC or message.
      """
  )

  @Flag(help: "Measure for less than a minute in all.")
  var quick = false

  @Option(
    help: ArgumentHelp(
      "Run only this case; may be repeated. See --list.",
      valueName: "case"
    )
  )
  var only: [String] = []

  @Option(
    help: ArgumentHelp(
      "Add one JSON object for each line of the table to a file.",
      valueName: "file"
    )
  )
  var json: String?

  @Option(help: "Only this mode (direct, forward or reverse); may be repeated.")
  var mode: [Mode] = []

  @Option(help: "Only these settings (default or tuned); may be repeated.")
  var settings: [TransportSettings] = []

  @Option(help: "How many times each case runs; 5, or 3 with --quick.")
  var rounds: Int?

  @Option(help: "How many seconds each run takes; 1, or 0.2 with --quick.")
  var seconds: Double?

  @Option(help: "Stop after this many seconds, whatever is left to do.")
  var timeLimit = 3600

  @Flag(help: "Print the names of the cases, and do nothing.")
  var list = false

  func validate() throws {
    if let rounds, !(1 ... 1000).contains(rounds) {
      throw ValidationError("The number of rounds must be between 1 and 1000.")
    }
    if let seconds, !(0.01 ... 60).contains(seconds) {
      throw ValidationError("A run must take between 0.01 and 60 seconds.")
    }
    let names = BenchmarkCases.names
    for name in self.only where !names.contains(name) {
      throw ValidationError("There is no case '\(name)'. See --list.")
    }
  }

  func run() async throws {
    if self.list {
      print(BenchmarkCases.names.joined(separator: "\n"))
      return
    }
    stopThisProcess(after: self.timeLimit)
    let options = RunOptions(
      rounds: self.rounds ?? (self.quick ? 3 : 5),
      duration: .milliseconds(Int64((self.seconds ?? (self.quick ? 0.2 : 1)) * 1000)),
      modes: self.mode.isEmpty ? Mode.allCases : self.mode,
      settings: self.settings.isEmpty ? TransportSettings.allCases : self.settings,
      isQuick: self.quick
    )
    let report = Report(file: self.json)
    print(Report.title)
    let cases = BenchmarkCases(only: self.only, options: options)
    try await cases.run { try report.add($0) }
  }
}

extension Mode: ExpressibleByArgument {}

extension TransportSettings: ExpressibleByArgument {}
