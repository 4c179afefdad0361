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

/// What is known of a tunnel before it is open.
struct TunnelOrigin: Sendable {
  let id: TunnelID
  let direction: TunnelInformation.Direction
  let metadata: Metadata
  var remotePeer: String
  var localPeer: String
  let transportSpecific: (any ServerContext.TransportSpecific)?

  init(
    direction: TunnelInformation.Direction,
    metadata: Metadata = [:],
    remotePeer: String = "",
    localPeer: String = "",
    transportSpecific: (any ServerContext.TransportSpecific)? = nil
  ) {
    self.id = .next()
    self.direction = direction
    self.metadata = metadata
    self.remotePeer = remotePeer
    self.localPeer = localPeer
    self.transportSpecific = transportSpecific
  }

  /// What is known once the two ends have agreed.
  func information(_ agreement: TunnelAgreement) -> TunnelInformation {
    TunnelInformation(
      id: self.id,
      direction: self.direction,
      metadata: self.metadata,
      remotePeer: self.remotePeer,
      localPeer: self.localPeer,
      transportSpecific: self.transportSpecific,
      revision: Int(agreement.revision.rawValue),
      extensions: agreement.extensions.map(\.rawValue).sorted()
    )
  }
}
