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

/// When a tunnel that was lost, refused or ended by the peer is opened again.
///
/// Every tunnel is, after a wait that ``backoff`` says, whatever the status with which it ended;
/// but for the codes in ``finalCodes``, which mean that trying again is of no use, and for a policy
/// that applies to the tunnel's own RPC (``TunnelError/Code/carrierPolicy``).
///
/// Who is refused with `unauthenticated` or `permissionDenied` waits up to the longest time of the
/// backoff from the first time on, and that is logged as an error: it takes somebody to mend it,
/// but tokens and rules do change.
public struct TunnelReconnectPolicy: Sendable, Hashable {
  /// How long to wait.
  public var backoff: TunnelBackoff

  /// The status codes of carriers after which no tunnel is opened any more.
  public var finalCodes: Set<RPCError.Code>

  /// Creates a policy; see ``defaults``.
  public init(
    backoff: TunnelBackoff = .defaults,
    finalCodes: Set<RPCError.Code> = [.unimplemented]
  ) {
    self.backoff = backoff
    self.finalCodes = finalCodes
  }

  /// ``TunnelBackoff/defaults``; final is `unimplemented`, with which a server says that it knows no
  /// such tunnels.
  public static var defaults: TunnelReconnectPolicy {
    TunnelReconnectPolicy()
  }
}

extension TunnelReconnectPolicy {
  /// Whether nothing is tried again after an end of a tunnel.
  func isFinal(_ end: TunnelEnd) -> Bool {
    guard let error = end.error else { return false }
    if error.cause is CarrierPolicy { return true }
    switch end.initiator {
    case .local: return false
    case .remote: return self.finalCodes.contains(error.code)
    }
  }

  /// How long to wait after an end of a tunnel.
  ///
  /// - Parameters:
  ///   - failures: How many tunnels have ended, or were not opened, in a row before this.
  ///   - random: From 0 up to, but not including, 1.
  func delay(after end: TunnelEnd, failures: Int, random: Double) -> Duration {
    if end.isDenial { return self.backoff.maximum * random }
    return self.backoff.delay(failures: failures, random: random)
  }
}

extension TunnelEnd {
  /// Whether the peer knows this end, or its rights, and does not take its tunnel.
  var isDenial: Bool {
    guard self.initiator == .remote, let error = self.error else { return false }
    return error.code == .unauthenticated || error.code == .permissionDenied
  }
}
