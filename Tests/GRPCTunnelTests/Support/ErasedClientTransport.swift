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

/// Either of the tunnels' client transports.
///
/// RPCs wait for ``connect()``. One in a reverse tunnel needs no such thing, and could be over before:
/// then a `GRPCClient` that is told to shut down says that it cannot run any more.
struct ErasedClientTransport: ClientTransport {
  typealias Bytes = TunnelMessageBytes

  let base: any ClientTransport<TunnelMessageBytes>
  private let isConnecting = OneShotEvent()

  init(base: any ClientTransport<TunnelMessageBytes>) {
    self.base = base
  }

  var retryThrottle: RetryThrottle? {
    self.base.retryThrottle
  }

  func connect() async throws {
    self.isConnecting.fire()
    try await self.base.connect()
  }

  func beginGracefulShutdown() {
    self.base.beginGracefulShutdown()
  }

  func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    try await self.isConnecting.wait()
    return try await self.base.withStream(descriptor: descriptor, options: options, closure)
  }

  func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    self.base.config(forMethod: descriptor)
  }
}
