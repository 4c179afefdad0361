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

internal import BenchmarkService
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel

/// A client of the server, whichever way its RPCs go.
enum Caller: Sendable {
  case direct(GRPCClient<HTTP2ClientTransport.Posix>)
  case forward(GRPCClient<TunnelClientTransport>)
  case reverse(GRPCClient<ReverseTunnelClientTransport>)

  func run(_ workload: some Workload, for duration: Duration) async throws -> WorkloadResult {
    switch self {
    case .direct(let client): try await workload.run(on: client, for: duration)
    case .forward(let client): try await workload.run(on: client, for: duration)
    case .reverse(let client): try await workload.run(on: client, for: duration)
    }
  }

  /// Runs an RPC that changes nothing: the way to the server is open when it returns.
  func waitUntilReady() async throws {
    switch self {
    case .direct(let client): try await client.callOnce()
    case .forward(let client): try await client.callOnce()
    case .reverse(let client): try await client.callOnce()
    }
  }
}
