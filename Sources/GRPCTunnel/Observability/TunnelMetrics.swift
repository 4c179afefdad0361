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

internal import CoreMetrics

/// The metrics of tunnels: their names, and what they mean.
///
/// Every instrument has two labels (dimensions): `direction`, which is `forward` or `reverse`, and
/// `role`, which is `client` or `server`: what this end is to the RPCs in the tunnel.
public struct TunnelMetrics: Sendable {
  /// The tunnels that are open; goes up and down (a `Meter`).
  public static let tunnelsOpen = "grpc_tunnel_tunnels_open"

  /// The time from starting a carrier to its tunnel being open (a `Timer`). Reported where this end
  /// waits for the other: everywhere but at the server of a forward tunnel.
  public static let handshakeTime = "grpc_tunnel_handshake_seconds"

  /// The tunnels that were lost or not opened, and are dialled again (a `Counter`).
  public static let reconnects = "grpc_tunnel_reconnects_total"

  private let open: Meter
  private let handshakes: Timer
  private let reconnections: Counter

  init(
    factory: any MetricsFactory,
    direction: TunnelInformation.Direction,
    role: TunnelObserver.Role
  ) {
    let labels = [("direction", direction.name), ("role", role.rawValue)]
    self.open = Meter(label: Self.tunnelsOpen, dimensions: labels, factory: factory)
    self.handshakes = Timer(label: Self.handshakeTime, dimensions: labels, factory: factory)
    self.reconnections = Counter(label: Self.reconnects, dimensions: labels, factory: factory)
  }

  func opened(handshakeTime: Duration?) {
    self.open.increment()
    if let handshakeTime {
      self.handshakes.recordNanoseconds(Int64(clamping: handshakeTime / .nanoseconds(1)))
    }
  }

  func closed() {
    self.open.decrement()
  }

  func reconnecting() {
    self.reconnections.increment()
  }
}
