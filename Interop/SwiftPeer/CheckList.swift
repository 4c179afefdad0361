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

internal import Foundation
internal import GRPCCore

/// Runs named checks one after the other, says how each went, and counts.
///
/// The peer may stop for good in the midst of them. So each check has a limit, and when one has
/// used it up and calls no longer end either, the others are not tried.
struct CheckList {
  private(set) var passed = 0
  private(set) var failed = 0

  private let probe: @Sendable () async throws -> Void
  private let end: ContinuousClock.Instant
  private var stuckSince: String?

  /// - Parameters:
  ///   - limit: How long all checks may take; what is left then is not tried.
  ///   - probe: A call that succeeds as long as the peer is well.
  init(limit: Duration = .seconds(50), probe: @escaping @Sendable () async throws -> Void) {
    self.probe = probe
    self.end = .now + limit
  }

  /// Runs one check, for no longer than `limit`. A check fails by throwing.
  mutating func check(
    _ name: String,
    limit: Duration = .seconds(10),
    _ body: @escaping @Sendable () async throws -> Void
  ) async {
    do {
      if let stuckSince {
        throw CheckFailure("not tried: no call has ended since \(stuckSince)")
      }
      if self.end < .now {
        throw CheckFailure("not tried: the checks before it took too long")
      }
      try await within(limit, body)
      self.passed += 1
      report("pass \(name)")
    } catch {
      self.failed += 1
      report("FAIL \(name): \(error)")
      if error is TimeIsUp, await !self.peerIsWell() {
        self.stuckSince = name
      }
    }
  }

  /// Says how many checks there were.
  func finish() {
    report("checks: \(self.passed) passed, \(self.failed) failed")
  }

  private func peerIsWell() async -> Bool {
    do {
      try await within(.seconds(3), self.probe)
      return true
    } catch {
      return false
    }
  }
}

struct CheckFailure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

struct TimeIsUp: Error, CustomStringConvertible {
  var limit: Duration

  var description: String {
    "not over within \(self.limit)"
  }
}

/// Runs `body`, but waits no longer than `limit` for it: it is cancelled then, and left to itself.
func within(
  _ limit: Duration,
  _ body: @escaping @Sendable () async throws -> Void
) async throws {
  let (results, result) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
  let work = Task {
    do {
      result.yield(.success(try await body()))
    } catch {
      result.yield(.failure(error))
    }
  }
  let timer = Task {
    try await Task.sleep(for: limit)
    result.yield(.failure(TimeIsUp(limit: limit)))
  }
  defer {
    work.cancel()
    timer.cancel()
  }

  for await first in results {
    return try first.get()
  }
  throw CancellationError()
}

/// Ends the program as a failure unless it has ended by itself within `limit` from now.
func expectEnd(within limit: Duration) {
  Task.detached {
    try await Task.sleep(for: limit)
    report("FAIL the-program-ends: \(TimeIsUp(limit: limit))")
    exit(1)
  }
}

/// Fails the check that runs when the two differ.
func expect<Value: Equatable>(_ actual: Value, _ expected: Value, _ what: String) throws {
  if actual != expected {
    throw CheckFailure("\(what): \(actual), not \(expected)")
  }
}

/// Fails the check that runs unless `body` throws an `RPCError`, which it returns.
func expectError<Value>(_ body: () async throws -> Value) async throws -> RPCError {
  do {
    let value = try await body()
    throw CheckFailure("no error, but \(String(describing: value).prefix(200))")
  } catch let error as RPCError {
    return error
  }
}

/// Writes a line at once: whoever started this program reads along.
func report(_ line: String) {
  try? FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8))
}
