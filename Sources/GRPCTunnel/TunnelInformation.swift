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
internal import GRPCTunnelProtocol
internal import Synchronization

/// Names a tunnel within this process; never reused.
///
/// A caller learns which tunnel served an RPC from the response's metadata, under ``metadataKey``.
public struct TunnelID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The key under which the metadata of every response through a tunnel names the tunnel, as in
  /// ``description``: `grpctunnel-tunnel-id`. In a response that is only a status, the trailers do.
  ///
  /// The end that calls adds it itself: it does not travel, and no peer can set it.
  public static let metadataKey = TransportHeaders.tunnelIDKey

  private let value: UInt64

  private static let last = Atomic<UInt64>(0)

  /// The next id.
  static func next() -> TunnelID {
    TunnelID(value: self.last.add(1, ordering: .relaxed).newValue)
  }

  /// Orders tunnels by when they came up.
  public static func < (lhs: TunnelID, rhs: TunnelID) -> Bool {
    lhs.value < rhs.value
  }

  /// The name of the tunnel in errors and logs, such as `tunnel-7`.
  public var description: String {
    "tunnel-\(self.value)"
  }
}

/// What is known of a tunnel once it is open.
public struct TunnelInformation: Sendable {
  /// Which way RPCs go, compared with the way in which the carrier was dialled.
  public enum Direction: Hashable, Sendable {
    /// Who dialled calls.
    case forward
    /// Who dialled is called.
    case reverse
  }

  /// Names the tunnel within this process.
  public var id: TunnelID

  /// Which way RPCs go.
  public var direction: Direction

  /// The metadata with which the carrier was started.
  public var metadata: Metadata

  /// The other end of the carrier, as its transport names it; empty where that does not tell. At the
  /// end that dials only a ``TunnelPeerInterceptor`` makes it tell.
  public var remotePeer: String

  /// This end of the carrier, as its transport names it; empty where ``remotePeer`` is.
  public var localPeer: String

  /// What else the carrier's transport tells of the network client, such as its mTLS certificate. Nil
  /// at the end that dials.
  public var transportSpecific: (any ServerContext.TransportSpecific)?

  /// The revision of the protocol: 1, or 0 in a tunnel without flow control (PROTOCOL.md 3).
  ///
  /// The tunnel's client chooses it for each RPC. So at the tunnel's server a handler sees that of
  /// its RPC; elsewhere it is the highest that the server accepts.
  public var revision: Int

  /// The names of the extensions that are on, sorted; none with peers that know no extensions
  /// (PROTOCOL.md 10).
  public var extensions: [String]
}

extension TunnelInformation {
  /// The other end, as RPCs in the tunnel name it: the tunnel, and the carrier's peer if known.
  var remotePeerOfRPCs: String {
    self.peerOfRPCs(self.remotePeer)
  }

  /// This end, as RPCs in the tunnel name it: the tunnel, and the carrier's peer if known.
  var localPeerOfRPCs: String {
    self.peerOfRPCs(self.localPeer)
  }

  private func peerOfRPCs(_ peer: String) -> String {
    peer.isEmpty ? "\(self.id)" : "\(self.id):\(peer)"
  }
}
