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

/// What runs beside the main part of a router or an agent, for as long as that does.
struct BackgroundServices: Sendable {
  typealias Service = @Sendable () async throws -> Void

  private var services: [Service] = []

  /// Adds a service. It may return before the main part does; if it throws, everything ends with its
  /// error. Its task is cancelled when the main part has ended.
  mutating func add(_ service: @escaping Service) {
    self.services.append(service)
  }

  /// Runs the services and the main part, until that has ended.
  ///
  /// - Parameters:
  ///   - shutdown: Once it is asked for, everything is cancelled when some time has passed.
  ///   - timeout: How long that is.
  func run(
    until shutdown: ShutdownRequest,
    timeout: Duration,
    _ main: @escaping Service
  ) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for service in self.services {
        group.addTask {
          try await service()
          return false
        }
      }
      group.addTask { await shutdown.wait(andThen: timeout) }
      group.addTask {
        try await main()
        return true
      }
      while let isOver = try await group.next() {
        if isOver { group.cancelAll() }
      }
    }
  }
}
