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

/// Brings the metrics up to date with what one tunnel does.
final class TunnelMeter: Sendable {
  private struct State {
    /// What the metrics know of the tunnel.
    var reported = TunnelFigures()
    /// The number of the report from which they know it.
    var number = 0
    var isOpen = false
    var isClosed = false
  }

  private let metrics: TunnelMetrics
  private let state = LockedValue(State())

  init(metrics: TunnelMetrics) {
    self.metrics = metrics
  }

  func opened(handshakeTime: Duration?) {
    self.state.withLock { $0.isOpen = true }
    self.metrics.opened(handshakeTime: handshakeTime)
  }

  /// Takes note of the tunnel's figures.
  ///
  /// - Parameter number: Which look at the figures this was: an earlier one may come later.
  func report(_ figures: TunnelFigures, number: Int) {
    let old: TunnelFigures? = self.state.withLock { state in
      if state.isClosed || number <= state.number { return nil }
      state.number = number
      defer { state.reported = figures }
      return state.reported
    }
    if let old { self.metrics.add(from: old, to: figures) }
  }

  /// Takes note of the tunnel's last figures, and gives back what was held.
  func closed(_ figures: TunnelFigures) {
    var figures = figures
    // What its RPCs have not read yet is theirs now.
    figures.bufferedByteCount = 0
    let last = figures
    let (old, wasOpen) = self.state.withLock { state in
      state.isClosed = true
      return (state.reported, state.isOpen)
    }
    self.metrics.add(from: old, to: last)
    if wasOpen { self.metrics.closed() }
  }
}

/// The figures of a tunnel, on their way to its meter.
struct TunnelFiguresReport: Sendable {
  let meter: TunnelMeter
  let figures: TunnelFigures
  let number: Int

  func send() {
    self.meter.report(self.figures, number: self.number)
  }
}

/// Decides when a tunnel's figures are reported: often enough that what is reported is right when the
/// tunnel is idle, and seldom enough that it costs little when it is not.
struct TunnelFiguresReporter: Sendable {
  private let meter: TunnelMeter
  private var openCount = 0
  private var movedCount: UInt64 = 0
  private var bufferedByteCount = 0
  private var number = 0

  init(meter: TunnelMeter) {
    self.meter = meter
  }

  /// A report, if one is due.
  mutating func next(_ machine: some TunnelStateMachine) -> TunnelFiguresReport? {
    let figures = machine.figures
    let openCount = machine.streams.openCount
    let movedCount = figures.movedCount
    let buffered = figures.bufferedByteCount
    let isDue =
      openCount != self.openCount || movedCount &- self.movedCount >= Self.maximumMovedCount
      || (buffered == 0 && (self.bufferedByteCount != 0 || movedCount != self.movedCount))
    guard isDue else { return nil }
    self.openCount = openCount
    self.movedCount = movedCount
    self.bufferedByteCount = buffered
    self.number += 1
    return TunnelFiguresReport(meter: self.meter, figures: figures, number: self.number)
  }

  /// How many bytes and messages may go through before they are reported.
  private static var maximumMovedCount: UInt64 { 64 * 1024 }
}

extension TunnelFigures {
  /// Grows with every byte, every message and every RPC that is refused.
  fileprivate var movedCount: UInt64 {
    self.bytesSent &+ self.bytesReceived &+ self.messagesSent &+ self.messagesReceived
      &+ self.streamsRefused
  }

  /// The RPCs that have started and not ended.
  var openStreamCount: Int {
    Int(clamping: self.streamsStarted) - Int(clamping: self.finishedStreamCount)
  }

  /// The RPCs that have ended.
  var finishedStreamCount: UInt64 {
    self.streamsFinished.reduce(0, &+)
  }
}
