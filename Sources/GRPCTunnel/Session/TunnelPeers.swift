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
internal import GRPCTunnelProtocol

/// What the handlers of a tunnel's RPCs are told about its two ends.
struct TunnelPeers: Sendable {
  private let remotePeer: String
  private let localPeer: String
  private let context: TunnelServerContext
  /// The context once more, in the form in which most RPCs share it.
  private let shared: any ServerContext.TransportSpecific

  init(_ tunnel: TunnelInformation, carrier: (any ServerContext.TransportSpecific)?) {
    self.remotePeer = tunnel.remotePeerOfRPCs
    self.localPeer = tunnel.localPeerOfRPCs
    self.context = TunnelServerContext(tunnel: tunnel, carrier: carrier)
    self.shared = self.context
  }

  /// The context of an RPC of the given revision.
  func context(
    for descriptor: MethodDescriptor,
    revision: ProtocolRevision,
    cancellation: ServerContext.RPCCancellationHandle
  ) -> ServerContext {
    var context = ServerContext(
      descriptor: descriptor,
      remotePeer: self.remotePeer,
      localPeer: self.localPeer,
      cancellation: cancellation
    )
    let revision = Int(revision.rawValue)
    if revision == self.context.tunnel.revision {
      context.transportSpecific = self.shared
    } else {
      var own = self.context
      own.tunnel.revision = revision
      context.transportSpecific = own
    }
    return context
  }
}
