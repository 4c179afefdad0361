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

package import GRPCTunnel
internal import GRPCCore

/// How a router finds out where an RPC goes, and what it puts into the RPC.
package struct RoutingConfig: Hashable, Sendable {
  /// Finds keys in the hosts that callers call; nil not to look at them.
  package var authorityPattern: AuthorityPattern?

  /// The key of RPCs that say nothing else.
  package var defaultKey: String?

  /// How one of a key's tunnels is chosen.
  package var picker: ReverseTunnelPicker

  /// How long an RPC waits when its key has no tunnel.
  package var waitForTunnel: Duration

  /// How many tunnels a key may have.
  package var maximumTunnelsPerKey: Int

  /// How many RPCs may be open for a key.
  package var maximumRPCsPerKey: Int

  /// The header in which servers are told who calls; nil not to tell.
  package var identityHeader: String?

  /// By the header `tunnel-key` and by announced services only; tunnels take turns; no waiting; 100
  /// tunnels and 10,000 RPCs for each key.
  package init() {
    self.picker = .roundRobin
    self.waitForTunnel = .zero
    self.maximumTunnelsPerKey = 100
    self.maximumRPCsPerKey = 10_000
  }
}

extension RoutingConfig {
  /// The keys to one of which an RPC goes: at least one.
  ///
  /// The header counts before the host, the host before the service, and the default key last.
  ///
  /// - Parameters:
  ///   - metadata: What was meant for the router is removed from it.
  ///   - announced: The keys under which agents have announced a service.
  func keys(
    for descriptor: MethodDescriptor,
    metadata: inout Metadata,
    authority: String,
    announced: (_ service: String) -> [String]
  ) throws(RPCError) -> [String] {
    let keys = metadata[stringValues: Router.keyHeader].filter { !$0.isEmpty }
    metadata.removeAllValues(forKey: Router.keyHeader)
    if keys.count > 1 {
      throw RPCError(
        code: .invalidArgument,
        message: "There is more than one header '\(Router.keyHeader)'."
      )
    }
    if let key = keys.first ?? self.authorityPattern?.key(in: authority) { return [key] }
    let announced = announced(descriptor.service.fullyQualifiedService)
    if !announced.isEmpty { return announced }
    if let key = self.defaultKey { return [key] }
    throw RPCError(
      code: .invalidArgument,
      message: """
        The header '\(Router.keyHeader)', which says where the RPC goes, is missing, and no agent \
        has announced the service '\(descriptor.service.fullyQualifiedService)'.
        """
    )
  }
}
