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

/// What the state machines of a stream's two ends have in common, so that one ``StreamTable`` can
/// hold either.
package protocol StreamStateMachine: Sendable {
  associatedtype Part: Sendable
  associatedtype OutboundFrame: TunnelFrame

  /// Whether nothing more is sent or taken for the stream. Once true it stays so.
  var isFinished: Bool { get }

  /// The number of the status with which the stream finished, 0 to 16; nil while it has not. Asked
  /// for only once, when the stream has just finished.
  var finishedCode: Int? { get }

  // MARK: - The application

  mutating func read() -> StreamReadResult<Part>

  mutating func write(_ message: ArraySlice<UInt8>, limit: Int) -> StreamWriteResult

  /// The error for a write now; nil when the stream takes messages.
  var writeError: RPCError? { get }

  // MARK: - Flow

  /// The credit to return to the peer now; nil when there is none to return.
  ///
  /// - Parameters:
  ///   - allowance: By how many bytes the window may grow now.
  ///   - arrival: When a frame arrived last.
  mutating func takeWindowUpdate(allowance: Int, arrival: Duration) -> UInt32?

  /// By how many bytes the window is larger than announced.
  var windowGrowth: Int { get }

  /// At revision zero: whether the application must take something before more is received.
  func isInboundFull(limit: Int) -> Bool

  /// The bytes of messages that are held: written and not sent, or received and not read.
  var bufferedByteCount: Int { get }

  /// What it costs to keep what the peer sent and the application has not read, in bytes: messages,
  /// metadata and status.
  var unreadByteCount: Int { get }

  /// Whether messages wait for nothing but window.
  var isOutOfWindow: Bool { get }

  /// Whether writers have to wait.
  func isOutboundFull(limit: Int) -> Bool

  // MARK: - Output

  /// Whether a frame of the stream can leave now.
  var isSendable: Bool { get }

  /// Whether the last frame of the stream is next.
  var isEndDue: Bool { get }

  /// Takes the next frame to send, if one can leave now.
  mutating func nextPayload() -> OutboundFrame.Payload?

  /// The frame that starts the stream was handed to the carrier.
  mutating func startLeft()

  // MARK: - The end

  /// The tunnel ended.
  mutating func tunnelEnded(_ error: RPCError)

  /// Ends the stream at once, if it has not ended: reads and writes fail with `error`.
  mutating func fail(_ error: RPCError)
}

/// A frame of either direction.
package protocol TunnelFrame: Sendable {
  associatedtype Payload: TunnelFramePayload

  var streamID: StreamID { get }

  var payload: Payload? { get }

  init(streamID: StreamID, payload: Payload?)
}

package protocol TunnelFramePayload: Sendable {
  /// The bytes of message data in the frame.
  var dataByteCount: Int { get }

  /// Whether the frame is the first of a message.
  var beginsMessage: Bool { get }

  /// Whether the frame starts its stream.
  var startsStream: Bool { get }

  static func windowUpdate(_ increment: UInt32) -> Self
}

extension ClientFrame: TunnelFrame {}

extension ClientFrame.Payload: TunnelFramePayload {
  package var dataByteCount: Int {
    switch self {
    case .requestMessage(let envelope): envelope.data.count
    case .moreRequestData(let data): data.count
    case .newStream, .halfClose, .cancel, .windowUpdate: 0
    }
  }

  package var beginsMessage: Bool {
    switch self {
    case .requestMessage: true
    case .newStream, .moreRequestData, .halfClose, .cancel, .windowUpdate: false
    }
  }

  package var startsStream: Bool {
    switch self {
    case .newStream: true
    case .requestMessage, .moreRequestData, .halfClose, .cancel, .windowUpdate: false
    }
  }
}

extension ServerFrame: TunnelFrame {}

extension ServerFrame.Payload: TunnelFramePayload {
  package var dataByteCount: Int {
    switch self {
    case .responseMessage(let envelope): envelope.data.count
    case .moreResponseData(let data): data.count
    case .responseHeaders, .closeStream, .settings, .windowUpdate, .drain: 0
    }
  }

  package var beginsMessage: Bool {
    switch self {
    case .responseMessage: true
    case .responseHeaders, .moreResponseData, .closeStream, .settings, .windowUpdate, .drain: false
    }
  }

  /// Only a tunnel client starts streams.
  package var startsStream: Bool {
    false
  }
}
