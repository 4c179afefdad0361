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

/// The client over which a carrier is started.
enum CarrierClient<Transport: ClientTransport>: Sendable {
  /// One that somebody else runs.
  case shared(GRPCClient<Transport>)

  /// One that is made for the carrier, and runs as long.
  case own(@Sendable () async throws -> GRPCClient<Transport>)

  /// Runs `body` with the client.
  ///
  /// - Throws: What `body` throws, or an error of making the client.
  func withClient(_ body: (GRPCClient<Transport>) async throws -> Void) async throws {
    switch self {
    case .shared(let client):
      try await body(client)
    case .own(let make):
      let client = try await make()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          // An error of its connections is one of its RPCs too.
          try? await client.runConnections()
        }
        defer { group.cancelAll() }
        try await body(client)
      }
    }
  }
}
