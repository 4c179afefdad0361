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
internal import GRPCTunnelTestSupport

/// Runs a client beside `body`, which a failure of the client's transport does not cancel.
///
/// - Returns: With the result, what the transport threw in the end.
func withRunningClient<Transport: ClientTransport, Result: Sendable>(
  transport: Transport,
  _ body: @Sendable (_ client: GRPCClient<Transport>) async throws -> Result
) async throws -> (result: Result, failure: TunnelError?) {
  let client = GRPCClient(transport: transport)
  return try await withThrowingTaskGroup(of: TunnelError?.self) { group in
    group.addTask {
      do {
        try await client.runConnections()
        return nil
      } catch let error as RuntimeError {
        return error.cause as? TunnelError
      }
    }
    let result = try await body(client)
    client.beginGracefulShutdown()
    let failure = try await group.next() ?? nil
    return (result, failure)
  }
}

extension TunnelConfig {
  static func revision(_ revision: Int) -> TunnelConfig {
    .defaults { $0.maximumRevision = revision }
  }
}
