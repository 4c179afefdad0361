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

// What a task leaves behind that waits for something of a tunnel. In debug builds, and so in all tests,
// it is checked that each is resumed once. A check takes an allocation and a lock for each wait, and an
// RPC waits several times.
#if DEBUG
typealias TunnelContinuation<Value, Failure: Error> = CheckedContinuation<Value, Failure>
#else
typealias TunnelContinuation<Value, Failure: Error> = UnsafeContinuation<Value, Failure>
#endif

/// Suspends the task until the continuation that `body` gets is resumed.
@inline(__always)
func withTunnelContinuation<Value>(
  isolation: isolated (any Actor)? = #isolation,
  _ body: (TunnelContinuation<Value, Never>) -> Void
) async -> sending Value {
  #if DEBUG
  await withCheckedContinuation(isolation: isolation, body)
  #else
  await withUnsafeContinuation(isolation: isolation, body)
  #endif
}

/// Suspends the task until the continuation that `body` gets is resumed.
@inline(__always)
func withThrowingTunnelContinuation<Value>(
  isolation: isolated (any Actor)? = #isolation,
  _ body: (TunnelContinuation<Value, any Error>) -> Void
) async throws -> sending Value {
  #if DEBUG
  try await withCheckedThrowingContinuation(isolation: isolation, body)
  #else
  try await withUnsafeThrowingContinuation(isolation: isolation, body)
  #endif
}
