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
internal import GRPCTunnelProtocol

/// The metrics of tunnels: their names, and what they mean.
///
/// Every instrument has two labels (dimensions): `direction`, which is `forward` or `reverse`, and
/// `role`, which is `client` or `server`: what this end is to the RPCs in the tunnel. One has a third.
/// There are no labels for keys, peers, tunnels or methods, whose number has no bound.
///
/// Counts are brought up to date whenever an RPC starts or ends and whenever all that was written or
/// received has been passed on; under load after 64 KiB at the latest. They count what goes through
/// tunnels, without their framing; what a carrier needs, its own transport may tell.
///
/// What goes up and down is a `Meter`, and comes back to zero when tunnels end, in whatever way.
public struct TunnelMetrics: Sendable {
  /// The tunnels that are open (`Meter`).
  public static let tunnelsOpen = "grpc_tunnel_tunnels_open"

  /// The time from starting a carrier to its tunnel being open (`Timer`). Reported where this end
  /// waits for the other: everywhere but at the server of a forward tunnel.
  public static let handshakeTime = "grpc_tunnel_handshake_seconds"

  /// The tunnels that were lost or not opened, and are dialled again (`Counter`).
  public static let reconnects = "grpc_tunnel_reconnects_total"

  /// The RPCs that are open (`Meter`).
  public static let streamsOpen = "grpc_tunnel_streams_open"

  /// The RPCs that were started, or accepted (`Counter`).
  public static let rpcsStarted = "grpc_tunnel_rpcs_started_total"

  /// The RPCs that have ended (`Counter`), with the label `code`: the name of the status code that
  /// this end saw or sent, such as `OK` or `DEADLINE_EXCEEDED`.
  public static let rpcsFinished = "grpc_tunnel_rpcs_finished_total"

  /// The RPCs that a tunnel server refused, and for which no handler ran (`Counter`): they are not
  /// among those that were started.
  public static let rpcsRefused = "grpc_tunnel_rpcs_refused_total"

  /// The messages that were sent (`Counter`).
  public static let messagesSent = "grpc_tunnel_messages_sent_total"

  /// The messages that were received (`Counter`).
  public static let messagesReceived = "grpc_tunnel_messages_received_total"

  /// The bytes of messages that were sent (`Counter`).
  public static let bytesSent = "grpc_tunnel_sent_bytes_total"

  /// The bytes of messages that were received (`Counter`).
  public static let bytesReceived = "grpc_tunnel_received_bytes_total"

  /// The bytes of messages that are held: written and not sent, or received and not read (`Meter`).
  public static let bytesQueued = "grpc_tunnel_queued_bytes"

  /// How often an RPC had messages to send, and no window left (`Counter`).
  public static let windowStalls = "grpc_tunnel_window_stalls_total"

  /// How long RPCs waited for window, in seconds altogether (`FloatingPointCounter`): much of it says
  /// that readers are slow, or windows too small for the way.
  public static let windowStallTime = "grpc_tunnel_window_stall_seconds_total"

  private let open: Meter
  private let handshakes: Timer
  private let reconnections: Counter
  private let streams: Meter
  private let started: Counter
  /// By the number of the code.
  private let finished: [Counter]
  private let refused: Counter
  private let sentMessages: Counter
  private let receivedMessages: Counter
  private let sentBytes: Counter
  private let receivedBytes: Counter
  private let queuedBytes: Meter
  private let stalls: Counter
  private let stallTime: FloatingPointCounter

  init(
    factory: any MetricsFactory,
    direction: TunnelInformation.Direction,
    role: TunnelObserver.Role
  ) {
    let labels = [("direction", direction.name), ("role", role.rawValue)]
    let counter = { (name: String) in Counter(label: name, dimensions: labels, factory: factory) }
    let meter = { (name: String) in Meter(label: name, dimensions: labels, factory: factory) }
    self.open = meter(Self.tunnelsOpen)
    self.handshakes = Timer(label: Self.handshakeTime, dimensions: labels, factory: factory)
    self.reconnections = counter(Self.reconnects)
    self.streams = meter(Self.streamsOpen)
    self.started = counter(Self.rpcsStarted)
    self.finished = StatusCodeName.all.map { name in
      let labels = labels + [("code", name)]
      return Counter(label: Self.rpcsFinished, dimensions: labels, factory: factory)
    }
    self.refused = counter(Self.rpcsRefused)
    self.sentMessages = counter(Self.messagesSent)
    self.receivedMessages = counter(Self.messagesReceived)
    self.sentBytes = counter(Self.bytesSent)
    self.receivedBytes = counter(Self.bytesReceived)
    self.queuedBytes = meter(Self.bytesQueued)
    self.stalls = counter(Self.windowStalls)
    self.stallTime = FloatingPointCounter(
      label: Self.windowStallTime,
      dimensions: labels,
      factory: factory
    )
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

  /// Adds what a tunnel has done between two looks at its figures.
  func add(from old: TunnelFigures, to new: TunnelFigures) {
    self.started.add(from: old.streamsStarted, to: new.streamsStarted)
    for (code, counter) in self.finished.enumerated() {
      counter.add(from: old.streamsFinished[code], to: new.streamsFinished[code])
    }
    self.streams.add(Double(new.openStreamCount - old.openStreamCount))
    self.refused.add(from: old.streamsRefused, to: new.streamsRefused)
    self.sentMessages.add(from: old.messagesSent, to: new.messagesSent)
    self.receivedMessages.add(from: old.messagesReceived, to: new.messagesReceived)
    self.sentBytes.add(from: old.bytesSent, to: new.bytesSent)
    self.receivedBytes.add(from: old.bytesReceived, to: new.bytesReceived)
    self.queuedBytes.add(Double(new.bufferedByteCount - old.bufferedByteCount))
    self.stalls.add(from: old.windowStalls, to: new.windowStalls)
    if new.windowStallTime > old.windowStallTime {
      self.stallTime.increment(by: (new.windowStallTime - old.windowStallTime) / .seconds(1))
    }
  }
}

extension Counter {
  fileprivate func add(from old: UInt64, to new: UInt64) {
    if new > old { self.increment(by: new - old) }
  }
}

extension Meter {
  fileprivate func add(_ difference: Double) {
    if difference > 0 {
      self.increment(by: difference)
    } else if difference < 0 {
      self.decrement(by: -difference)
    }
  }
}
