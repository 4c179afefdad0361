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

public import GRPCCore

/// What a network server knows of a network client that opens a tunnel: enough to tell who it is,
/// and whether it may.
public struct TunnelRequest: Sendable {
  /// The metadata with which the tunnel is opened, that of the transport included.
  public var metadata: Metadata

  /// The client, as the carrier's transport names it.
  public var remotePeer: String

  /// This server, as the carrier's transport names it.
  public var localPeer: String

  /// What else the carrier's transport tells, such as an mTLS certificate.
  public var transportSpecific: (any ServerContext.TransportSpecific)?

  init(metadata: Metadata, context: ServerContext) {
    self.metadata = metadata
    self.remotePeer = context.remotePeer
    self.localPeer = context.localPeer
    self.transportSpecific = context.transportSpecific
  }

  func origin(direction: TunnelInformation.Direction) -> TunnelOrigin {
    TunnelOrigin(
      direction: direction,
      metadata: self.metadata,
      remotePeer: self.remotePeer,
      localPeer: self.localPeer,
      transportSpecific: self.transportSpecific
    )
  }
}
