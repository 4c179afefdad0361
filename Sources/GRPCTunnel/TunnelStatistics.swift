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

/// What one end of a tunnel has done so far, and holds now.
public struct TunnelStatistics: Hashable, Sendable {
  /// The RPCs that were started.
  public var startedRPCs: UInt64

  /// The RPCs that have ended, by their status, where there were any.
  public var finishedRPCs: [Status.Code: UInt64]

  /// Messages that were sent.
  public var sentMessages: UInt64

  /// Messages that were received.
  public var receivedMessages: UInt64

  /// Bytes of messages that were sent.
  public var sentBytes: UInt64

  /// Bytes of messages that were received.
  public var receivedBytes: UInt64

  /// Bytes of messages that are held now: written and not sent, or received and not read.
  public var bufferedBytes: Int

  /// How often an RPC had messages to send that the other end's flow control did not let through.
  public var windowStalls: UInt64

  /// How long RPCs waited for that altogether; a wait counts when it has ended.
  public var windowStallTime: Duration

  /// How long the other end took to answer the last liveness probe; nil before the first.
  public var probeRoundTrip: Duration?
}

extension TunnelStatistics {
  init(_ figures: TunnelFigures) {
    var finished: [Status.Code: UInt64] = [:]
    for (number, count) in figures.streamsFinished.enumerated() where count > 0 {
      finished[Status.Code(rawValue: number) ?? .unknown, default: 0] += count
    }
    self.init(
      startedRPCs: figures.streamsStarted,
      finishedRPCs: finished,
      sentMessages: figures.messagesSent,
      receivedMessages: figures.messagesReceived,
      sentBytes: figures.bytesSent,
      receivedBytes: figures.bytesReceived,
      bufferedBytes: figures.bufferedByteCount,
      windowStalls: figures.windowStalls,
      windowStallTime: figures.windowStallTime,
      probeRoundTrip: figures.probeRoundTrip
    )
  }
}
