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
internal import Logging

/// What is logged, the same for every command that runs on.
struct LoggingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The least severe messages to print, to the standard error output: \(Self.levels). \
      (default: info)
      """,
      valueName: "level"
    ),
    transform: { name in
      guard let level = Logger.Level(rawValue: name) else {
        throw ValidationError("the levels are \(Self.levels)")
      }
      return level
    }
  )
  var logLevel: Logger.Level = .info

  private static var levels: String {
    Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
  }

  func logger(_ label: String) -> Logger {
    var logger = Logger(label: label) { StandardErrorLogHandler(label: $0) }
    logger.logLevel = self.logLevel
    return logger
  }
}
