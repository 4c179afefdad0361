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

internal import GRPCTunnelProtocol

/// A reverse tunnel as it was at one moment.
public struct ReverseTunnelSnapshot<Key: Hashable & Sendable>: Sendable {
  /// What is known of the tunnel from its opening on.
  public var tunnel: TunnelInformation

  /// The key under which the tunnel is registered.
  public var key: Key

  /// Whether the tunnel takes RPCs.
  public var state: ReverseTunnelState

  /// The RPCs that are open in the tunnel.
  public var openStreams: Int

  /// How long the tunnel has been open.
  public var age: Duration

  /// What this end has done in the tunnel so far.
  public var statistics: TunnelStatistics
}

/// Whether a reverse tunnel takes RPCs.
public enum ReverseTunnelState: Hashable, Sendable {
  /// The tunnel is open, but `onOpen` has not returned.
  case opening
  /// RPCs can start in it.
  case ready
  /// The client has not answered a liveness probe yet: RPCs go elsewhere, or wait until it has.
  case silent
  /// RPCs wait until another one has ended.
  case full
  /// The client seems to be shutting down; RPCs wait until it has said whether it is.
  case suspended
  /// One of its ends takes no more RPCs; those that are open go on.
  case draining(TunnelClosure.Side)
  /// Its connection takes nothing any more: it ends soon, and takes no RPCs.
  case closing
  /// It has ended.
  case closed
}

extension ReverseTunnelState {
  init(_ readiness: TunnelReadiness, isOffered: Bool) {
    switch readiness {
    case .draining(let initiator): self = .draining(TunnelClosure.Side(initiator))
    case .closing: self = .closing
    case .closed: self = .closed
    case .opening: self = .opening
    case .ready: self = isOffered ? .ready : .opening
    case .silent: self = isOffered ? .silent : .opening
    case .full: self = isOffered ? .full : .opening
    case .suspended: self = isOffered ? .suspended : .opening
    }
  }
}
