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

#if canImport(Darwin)
private import Darwin
#elseif canImport(Glibc)
@preconcurrency private import Glibc
#elseif canImport(Musl)
@preconcurrency private import Musl
#endif

private import Dispatch
internal import Logging

/// Runs something that ends gracefully on the first SIGTERM or SIGINT; a second one ends the
/// process at once, with 128 and the signal's number as shells count it. SIGHUP asks for files to be
/// read again.
func withSignalHandling(
  logger: Logger,
  onShutdown: @escaping @Sendable () -> Void,
  onReload: @escaping @Sendable () async -> Void,
  run: @escaping @Sendable () async throws -> Void
) async throws {
  let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
  let sources = [SIGTERM, SIGINT, SIGHUP].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { continuation.yield(number) }
    source.resume()
    return source
  }
  defer {
    for source in sources {
      source.cancel()
    }
  }
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      var isShuttingDown = false
      for await number in signals {
        if number == SIGHUP {
          await onReload()
          continue
        }
        if isShuttingDown {
          logger.warning("ending at once")
          exit(128 + number)
        }
        isShuttingDown = true
        logger.info("shutting down once the open RPCs have ended; signal again to end at once")
        onShutdown()
      }
    }
    group.addTask {
      defer { continuation.finish() }
      try await run()
    }
    try await group.waitForAll()
  }
}
