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

internal import GRPCTunnel
internal import GRPCTunnelTestSupport
internal import Logging

/// Keeps the lines of a logger in memory, for tests to look at and to wait for.
final class LogRecorder: Sendable {
  struct Line: Sendable, CustomStringConvertible {
    var level: Logger.Level
    var message: String
    var metadata: [String: String]

    subscript(key: TunnelObservability.LogKey) -> String? {
      self.metadata[key.rawValue]
    }

    var description: String {
      "\(self.level): \(self.message) \(self.metadata.sorted { $0.key < $1.key })"
    }
  }

  private struct State {
    var lines: [Line] = []
    var waiters: [OneShotEvent] = []
  }

  private let state = LockedValue(State())

  /// A logger whose lines are kept, of every level.
  var logger: Logger {
    Logger(label: "test") { _ in Handler(recorder: self) }
  }

  var observability: TunnelObservability {
    TunnelObservability(logger: self.logger)
  }

  var lines: [Line] {
    self.state.withLock { $0.lines }
  }

  /// The first line with this message; suspends until there is one.
  func line(_ message: String) async throws -> Line {
    while true {
      let event = OneShotEvent()
      let line = self.state.withLock { state in
        let line = state.lines.first { $0.message == message }
        if line == nil { state.waiters.append(event) }
        return line
      }
      if let line { return line }
      try await event.wait()
    }
  }

  private func add(_ line: Line) {
    let waiters = self.state.withLock { state in
      state.lines.append(line)
      defer { state.waiters.removeAll() }
      return state.waiters
    }
    for waiter in waiters {
      waiter.fire()
    }
  }
}

extension LogRecorder {
  private struct Handler: LogHandler {
    let recorder: LogRecorder
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { self.metadata[key] }
      set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
      self.recorder.add(
        Line(
          level: event.level,
          message: event.message.description,
          metadata: metadata.mapValues(\.description)
        )
      )
    }
  }
}
