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

package import GRPCCore

extension GRPCClient {
  /// Sends a message, 64 bytes by default, there and back.
  package func callOnce(
    _ message: [UInt8] = [UInt8](repeating: 0, count: 64),
    metadata: Metadata = [:]
  ) async throws {
    var options = CallOptions.defaults
    options.waitForReady = true
    try await self.unary(
      request: ClientRequest(message: message, metadata: metadata),
      descriptor: BenchmarkMethods.unary,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: options
    ) { response in
      _ = try response.message
    }
  }

  /// What the server's process has used.
  ///
  /// - Parameter trimming: Whether it gives free memory back before.
  package func usage(trimming: Bool = false) async throws -> ProcessUsage {
    try await self.ask(BenchmarkMethods.usage, trimming ? [1] : []) {
      try ProcessUsage(bytes: $0)
    }
  }

  /// Makes the server open reverse tunnels, and does not wait for them.
  package func dial(_ order: [UInt8]) async throws {
    try await self.ask(BenchmarkMethods.dial, order) { _ in }
  }

  private func ask<Answer: Sendable>(
    _ method: MethodDescriptor,
    _ message: [UInt8],
    _ answer: @escaping @Sendable ([UInt8]) throws -> Answer
  ) async throws -> Answer {
    try await self.unary(
      request: ClientRequest(message: message),
      descriptor: method,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: .defaults
    ) { response in
      try answer(try response.message)
    }
  }
}
