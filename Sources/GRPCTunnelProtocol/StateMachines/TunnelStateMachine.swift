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

package import GRPCCore

/// What the state machines of a tunnel's two ends have in common, so that one session can drive
/// either. Times are durations since an origin that the session chooses.
package protocol TunnelStateMachine: Sendable {
  associatedtype InboundFrame: Sendable
  associatedtype Stream: StreamStateMachine
  typealias OutboundFrame = Stream.OutboundFrame
  typealias Part = Stream.Part

  /// The machine's streams, for what is the same at both ends; nobody else changes them.
  var streams: StreamTable<Stream> { get set }

  /// Ends a stream on this end's account and tells the peer; reads and writes fail with the error.
  mutating func abort(_ stream: StreamID, _ error: RPCError)

  /// Takes a place for a stream; only a tunnel client can.
  mutating func reserveStream() -> ReserveResult

  /// How sending has ended, or nil while it goes on.
  var outputEnd: OutputEnd? { get }

  /// When ``expireTimers(now:)`` is due.
  var nextTimer: Duration? { mutating get }

  /// Does what is due.
  ///
  /// - Returns: What changed.
  mutating func expireTimers(now: Duration) -> TimerResult

  /// The sending direction of the carrier has ended after all was sent: the peer has to end the
  /// other one soon.
  mutating func outputFinished(now: Duration)

  /// Nothing can be sent any more. Why that is shows in how the other direction ends, for which there
  /// is little time; if it does not end, the tunnel does as `closure` says.
  mutating func outputFailed(_ closure: TunnelEnd, now: Duration)

  /// Ends the tunnel at once, failing all that is open. Only the first call counts.
  mutating func close(_ closure: TunnelEnd)

  /// What both ends agreed on; nil while the tunnel is not open.
  var agreement: TunnelAgreement? { get }

  /// The extensions that are on.
  var extensions: Set<TunnelExtension> { get }

  /// Which end began to drain the tunnel; nil while neither does.
  var drainInitiator: TunnelEnd.Initiator? { get }

  /// Why the tunnel ended; nil while it lives.
  var closure: TunnelEnd? { get }

  // MARK: - Streams

  /// Reads for the application.
  mutating func read(_ stream: StreamID) -> StreamReadResult<Part>

  /// Whether a writer that was told to wait may go on, and how.
  mutating func writeReadiness(of stream: StreamID) -> WriteReadiness

  /// Whether frames wait to be sent.
  var hasFrames: Bool { get }

  /// Takes frames to send, up to about `maximumByteCount` bytes.
  ///
  /// - Parameter now: Asked for only when it is needed.
  /// - Returns: The streams whose writers may go on.
  mutating func takeFrames(
    into frames: inout [OutboundFrame],
    maximumByteCount: Int,
    now: @autoclosure () -> Duration
  ) -> [StreamID]

  /// What it costs to keep what the peer sent and nobody has read, in bytes.
  var unreadByteCount: Int { get }

  /// Whether the carrier must not be read now.
  var isInboundPaused: Bool { get }
}

extension TunnelStateMachine {
  /// What this end has done so far.
  package var figures: TunnelFigures {
    self.streams.figures
  }
}

/// What becomes of the wish to start a stream.
package enum ReserveResult: Sendable {
  /// A place was taken: start a stream on it, or give it back.
  case reserved
  /// The tunnel is not open yet, or full.
  case wait
  case failed(RPCError)
}

/// What a writer that waits finds.
package enum WriteReadiness: Sendable {
  case ready
  case wait
  case failed(RPCError)
}

/// How the sending direction of a carrier ends.
package enum OutputEnd: Sendable {
  /// Everything was sent.
  case finished
  case failed(TunnelEnd)
}

/// What became due.
package enum TimerResult: Sendable {
  /// These streams ended or changed.
  case streams([StreamID])
  /// The tunnel ended.
  case closed
}
