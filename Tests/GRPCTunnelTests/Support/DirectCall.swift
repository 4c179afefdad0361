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

extension ClientTransport where Bytes == TunnelMessageBytes {
  /// Makes a call without a `GRPCClient`, which would keep to its deadline too, on the real clock.
  ///
  /// - Returns: What is read, which ends with a status.
  func directCall(_ call: ControlCall) async throws -> [RPCResponsePart<Bytes>] {
    try await self.withStream(
      descriptor: call.kind.controlMethod,
      options: call.options
    ) { stream, _ in
      try await stream.outbound.write(.metadata(call.requestMetadata))
      for message in call.messages {
        try await stream.outbound.write(.message(Bytes(message)))
      }
      await stream.outbound.finish()
      return try await stream.inbound.reduce(into: []) { $0.append($1) }
    }
  }

  /// The code of the error that ``directCall(_:)`` throws.
  func directCallFailure(_ call: ControlCall) async -> RPCError? {
    do {
      _ = try await self.directCall(call)
      return nil
    } catch {
      return error as? RPCError
    }
  }
}
