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
internal import Logging

/// Notices when files change, by reading them now and then: that sees every way of changing them, the
/// links of Kubernetes' secrets included.
final class FileWatcher: Sendable {
  /// The bytes of files, by their paths.
  typealias Contents = [String: [UInt8]]

  private struct Watched: Sendable {
    var title: String
    var contents: Contents
    /// The last problem with the files, told once.
    var problem: String?
    var reload: @Sendable (Contents) throws -> Void
  }

  private let interval: Duration
  private let clock: TunnelClock
  private let logger: Logger
  private let state: LockedValue<[Watched]>
  /// The end of the last look at the files that has begun, or waits for those before it.
  private let lastCheck = LockedValue<OneShotEvent?>(nil)

  init(interval: Duration, clock: TunnelClock = .continuous, logger: Logger) {
    self.interval = interval
    self.clock = clock
    self.logger = logger
    self.state = LockedValue([])
  }

  /// Watches files that belong together.
  ///
  /// - Parameters:
  ///   - title: Names them in the log.
  ///   - contents: What they hold, as it is in use.
  ///   - reload: Called when they hold something else. If it throws, what is in use stays so.
  func watch(
    _ title: String,
    _ contents: Contents,
    reload: @escaping @Sendable (Contents) throws -> Void
  ) {
    self.state.withLock { state in
      state.append(Watched(title: title, contents: contents, reload: reload))
    }
  }

  /// Reads the files again and again, until the task is cancelled.
  func run() async {
    do {
      while true {
        try await self.clock.sleep(self.clock.now() + self.interval)
        await self.check()
      }
    } catch {
      // Cancelled.
    }
  }

  /// Reads the files now. One look follows the other: two at once could leave the older contents in
  /// use.
  func check() async {
    let end = OneShotEvent()
    defer { end.fire() }
    let previous = self.lastCheck.withLock { last in
      defer { last = end }
      return last
    }
    do {
      try await previous?.wait()
    } catch {
      // Cancelled.
      return
    }
    await self.checkAll()
  }

  private func checkAll() async {
    for index in self.state.withLock({ $0.indices }) {
      let watched = self.state.withLock { $0[index] }
      do {
        let contents = try await Self.read(watched.contents.keys)
        if contents == watched.contents { continue }
        // Whatever comes of it: the same is not tried again, but what follows is.
        self.state.withLock { $0[index].contents = contents }
        try watched.reload(contents)
        self.state.withLock { $0[index].problem = nil }
        self.logger.info("reloaded \(watched.title), which has changed")
      } catch {
        self.report("\(error)", at: index)
      }
    }
  }

  private func report(_ problem: String, at index: Int) {
    let title: String? = self.state.withLock { state in
      if state[index].problem == problem { return nil }
      state[index].problem = problem
      return state[index].title
    }
    guard let title else { return }
    self.logger.error("cannot reload \(title), and keep to what was there: \(problem)")
  }

  /// Reads files.
  ///
  /// - Throws: ``RouterError`` that names the file.
  static func read(_ paths: some Sequence<String>) async throws(RouterError) -> Contents {
    var contents: Contents = [:]
    for path in paths {
      do {
        contents[path] = try await FileContents.bytes(of: path)
      } catch {
        throw RouterError("cannot read \(path)", cause: error)
      }
    }
    return contents
  }
}
