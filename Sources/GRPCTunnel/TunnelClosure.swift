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

/// How a tunnel ended: which side closed it, and why.
public struct TunnelClosure: Sendable {
  /// A side of a tunnel, as seen from the end that tells.
  public enum Side: Hashable, Sendable {
    /// This end: it was told to, or it could not go on with this peer.
    case local
    /// The peer, or the network between the two.
    case remote
  }

  /// Who closed the tunnel.
  public var side: Side

  /// What went wrong; nil after an orderly end.
  public var error: TunnelError?

  /// Why, in words: what went wrong, or what the tunnel was closed for; nil when there is nothing to
  /// say.
  public var reason: String?

  /// What this end did in the tunnel; nil where that is not told.
  public var statistics: TunnelStatistics?

  /// Creates a closure.
  public init(side: Side, error: TunnelError? = nil, reason: String? = nil) {
    self.side = side
    self.error = error
    self.reason = reason ?? error?.message
  }
}

extension TunnelClosure: CustomStringConvertible {
  /// Which side closed the tunnel, and why.
  public var description: String {
    let side = self.side == .local ? "closed by this end" : "closed by the peer"
    return self.reason.map { "\(side): \($0)" } ?? side
  }
}

extension TunnelClosure.Side {
  init(_ initiator: TunnelEnd.Initiator) {
    switch initiator {
    case .local: self = .local
    case .remote: self = .remote
    }
  }
}

extension TunnelClosure {
  init(_ end: TunnelEnd, _ figures: TunnelFigures? = nil) {
    self.init(
      side: Side(end.initiator),
      error: end.error.flatMap { _ in TunnelError(end) },
      reason: end.reason
    )
    self.statistics = figures.map { TunnelStatistics($0) }
  }
}
