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
internal import GRPCInProcessTransport
internal import GRPCTunnel

/// A tunnel within this process, and the client that carries it.
struct LocalTunnel: Sendable {
  /// Calls through the tunnel.
  let client: GRPCClient<TunnelClientTransport>

  /// Calls without it.
  let direct: GRPCClient<InProcessTransport.Client>

  static func with(_ body: (LocalTunnel) async throws -> Void) async throws {
    let carrier = InProcessTransport()
    let server = GRPCServer(
      transport: carrier.server,
      services: [BenchmarkService(), TunnelService(services: [BenchmarkService()])]
    )
    let direct = GRPCClient(transport: carrier.client)
    let client = GRPCClient(transport: .tunnel(over: direct))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.serve() }
      group.addTask { try await direct.runConnections() }
      group.addTask { try await client.runConnections() }
      try await client.callOnce()
      try await body(LocalTunnel(client: client, direct: direct))
      group.cancelAll()
    }
  }

  /// Opens another tunnel, makes one RPC through it, and closes it.
  func openAnother() async throws {
    let client = GRPCClient(transport: .tunnel(over: self.direct))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await client.runConnections() }
      try await client.callOnce()
      client.beginGracefulShutdown()
      try await group.waitForAll()
    }
  }
}

extension GRPCClient {
  /// Sends messages through one stream and gets each back before the next leaves.
  func echo(_ count: Int, size: Int) async throws {
    let (turns, continuation) = AsyncStream.makeStream(of: Void.self)
    continuation.yield()
    try await self.bidirectionalStreaming(
      request: StreamingClientRequest { writer in
        let message = [UInt8](repeating: 0, count: size)
        var turn = turns.makeAsyncIterator()
        for _ in 0 ..< count {
          await turn.next()
          try await writer.write(message)
        }
      },
      descriptor: BenchmarkMethods.echo,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: .defaults
    ) { response in
      for try await _ in response.messages {
        continuation.yield()
      }
    }
  }
}
