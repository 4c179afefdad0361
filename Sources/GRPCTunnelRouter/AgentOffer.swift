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

/// What an agent offers under one key: its servers, through tunnels to all routers while one of the
/// servers is ready.
final class AgentOffer: Sendable {
  let key: String
  private let upstreams: [String: Upstream]
  private let otherUpstream: Upstream?
  private let tunnels: ReverseTunnelServerTransport

  /// - Parameters:
  ///   - key: The key that callers name.
  ///   - upstreams: The server of each service, and that of all others under nil.
  ///   - changes: Tells when routers or servers may have changed.
  ///   - routers: The routers that are known.
  ///   - makeTunnels: Makes the transport, which dials what the sequence has.
  init(
    key: String,
    upstreams: [String?: Upstream],
    changes: ChangeSignal,
    routers: RouterDirectory,
    makeTunnels: (AsyncStream<Set<RouterEndpoint>>) -> ReverseTunnelServerTransport
  ) {
    self.key = key
    self.otherUpstream = upstreams[nil]
    self.upstreams = Dictionary(
      uniqueKeysWithValues: upstreams.compactMap { service, upstream in
        service.map { ($0, upstream) }
      }
    )
    let all = Array(upstreams.values)
    // Tunnels of servers that are not ready are drained, as those of routers that are gone.
    self.tunnels = makeTunnels(
      changes.values { all.contains { $0.health.isReady } ? routers.endpoints : [] }
    )
  }

  /// Forwards the RPCs that come through the tunnels, until they are shut down or the task is cancelled.
  ///
  /// - Throws: `TunnelError` when no router takes the tunnels, and none will.
  func run(_ config: RPCProxyConfig, isDraining: @escaping @Sendable () -> Bool) async throws {
    let proxy = RPCProxy<Upstream.Transport>(config: config) { head throws(RPCError) in
      try self.destination(of: head.descriptor)
    }
    try await self.tunnels.listen { stream, context in
      await proxy.forward(stream, context, isDraining: isDraining)
    }
  }

  /// The tunnels that are kept up, and what has become of each.
  var slots: [TunnelSlotState] {
    self.tunnels.tunnels
  }

  func beginGracefulShutdown() {
    self.tunnels.beginGracefulShutdown()
  }

  private func destination(
    of descriptor: MethodDescriptor
  ) throws(RPCError) -> RPCDestination<Upstream.Transport> {
    let service = descriptor.service.fullyQualifiedService
    guard let upstream = self.upstreams[service] ?? self.otherUpstream else {
      throw RPCError(
        code: .unimplemented,
        message: "The agent of '\(self.key)' has no server for the service '\(service)'."
      )
    }
    return upstream.destination
  }
}
