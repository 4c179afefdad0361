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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import Logging

/// A server that RPCs are forwarded to: the connections to it, and whether it is ready.
final class Upstream: Sendable {
  typealias Transport = PooledClientTransport<HTTP2ClientTransport.Posix>

  let address: UpstreamAddress
  let health: UpstreamHealth
  private let makeTransport: @Sendable () throws -> Transport
  private let current: LockedValue<Transport>
  /// The transports to connect.
  private let transports: AsyncStream<Transport>
  private let connecting: AsyncStream<Transport>.Continuation

  /// - Parameter makeTransport: Makes the connections, again when their settings have changed.
  /// - Throws: What `makeTransport` throws.
  init(
    _ address: UpstreamAddress,
    health: UpstreamHealth,
    makeTransport: @escaping @Sendable () throws -> Transport
  ) throws {
    let transport = try makeTransport()
    self.address = address
    self.health = health
    self.makeTransport = makeTransport
    self.current = LockedValue(transport)
    (self.transports, self.connecting) = AsyncStream.makeStream(of: Transport.self)
    self.connecting.yield(transport)
  }

  /// Where RPCs go from now on.
  var destination: RPCDestination<Transport> {
    var destination = RPCDestination(self.current.withLock { $0 })
    destination.unreachable = { self.health.unreachable($0) }
    destination.reached = { self.health.reached() }
    return destination
  }

  /// Keeps the connections, and watches the server's health, until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await self.health.watch { self.current.withLock { $0 } }
      }
      for await transport in self.transports {
        // Returns once it is shut down; no error of a connection gets here.
        group.addTask { try? await transport.connect() }
      }
      group.cancelAll()
    }
  }

  /// Uses new connections from now on; RPCs on the old ones go on.
  ///
  /// - Throws: What making them throws; then nothing changes.
  func replaceConnections() throws {
    let transport = try self.makeTransport()
    self.connecting.yield(transport)
    let old = self.current.withLock { current in
      defer { current = transport }
      return current
    }
    old.beginGracefulShutdown()
  }
}
