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
internal import GRPCTunnel

/// Fails the first RPCs of each method before their handlers run, and counts them all.
final class FailingAttempts: ServerInterceptor {
  private let failures: Int
  private let error: RPCError
  private let counts = LockedValue<[String: Int]>([:])

  init(_ failures: Int, _ error: RPCError) {
    self.failures = failures
    self.error = error
  }

  /// The RPCs of a method that have arrived.
  func count(of method: MethodDescriptor) -> Int {
    self.counts.withLock { $0[method.fullyQualifiedMethod] ?? 0 }
  }

  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>,
    context: ServerContext,
    next:
      @Sendable (
        _ request: StreamingServerRequest<Input>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let count = self.counts.withLock { counts in
      counts[context.descriptor.fullyQualifiedMethod, default: 0] += 1
      return counts[context.descriptor.fullyQualifiedMethod] ?? 0
    }
    if count <= self.failures { throw self.error }
    return try await next(request, context)
  }
}
