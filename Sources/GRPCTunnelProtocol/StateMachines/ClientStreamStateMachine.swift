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

/// One stream at the tunnel client: sends a request, receives a response.
package struct ClientStreamStateMachine: StreamStateMachine {
  package typealias OutboundFrame = ClientFrame

  /// What the application reads, in this order: headers once, messages, then the end.
  package enum Part: Hashable, Sendable {
    case headers(WireMetadata)
    case message(ArraySlice<UInt8>)
    case close(CloseStream)
  }

  private enum Request: Sendable {
    case open
    /// The half-close waits behind the messages.
    case halfClosing
    case halfClosed
  }

  private enum Headers: Sendable {
    case awaited
    case received(WireMetadata)
    case delivered
  }

  private enum End: Sendable {
    case closed(CloseStream)
    case failed(RPCError)
    case delivered
  }

  private var request: Request
  /// Whether the frame that starts the stream was handed to the carrier.
  private var hasLeft: Bool
  /// Whether it is certain that no handler ran for the stream and none will (PROTOCOL.md 10).
  package private(set) var isUnprocessed: Bool
  private var headers: Headers
  private var end: End?
  /// What the headers and the close cost that were received and not delivered, in bytes.
  private var undeliveredHeadersByteCount: Int
  private var undeliveredCloseByteCount: Int
  private var inbound: InboundMessageQueue
  private var outbound: OutboundMessageQueue
  private let maximumMetadataSize: Int

  /// - Parameter maximumMessageSize: The largest message taken for this stream, in bytes.
  package init(
    revision: ProtocolRevision,
    peerWindowSize: UInt32,
    maximumMessageSize: Int,
    configuration: TunnelConfiguration
  ) {
    self.request = .open
    self.hasLeft = false
    self.isUnprocessed = false
    self.headers = .awaited
    self.end = nil
    self.undeliveredHeadersByteCount = 0
    self.undeliveredCloseByteCount = 0
    if revision.usesFlowControl {
      self.inbound = InboundMessageQueue(
        window: ReceiveWindow(
          size: configuration.initialWindowSize,
          maximum: configuration.maximumWindowSize
        ),
        maximumMessageSize: maximumMessageSize,
        maximumEmptyMessages: configuration.maximumEmptyMessages
      )
      self.outbound = OutboundMessageQueue(
        window: SendWindow(announced: peerWindowSize) ?? .unlimited
      )
    } else {
      self.inbound = InboundMessageQueue(
        window: nil,
        maximumMessageSize: maximumMessageSize,
        maximumEmptyMessages: .max
      )
      self.outbound = OutboundMessageQueue(window: .unlimited)
    }
    self.maximumMetadataSize = configuration.maximumMetadataSize
  }

  /// Whether nothing more is sent or taken for this stream: it was closed, cancelled or has failed.
  package var isFinished: Bool {
    self.end != nil
  }

  package var finishedCode: Int? {
    switch self.end {
    case .closed(let close):
      let code = close.status.map { Int($0.code) } ?? 0
      return Status.Code(rawValue: code) == nil ? Status.Code.unknown.rawValue : code
    case .failed(let error):
      return error.code.rawValue
    case .delivered, .none:
      return nil
    }
  }

  // MARK: - Frames from the tunnel server

  /// Takes a frame for this stream, which is not finished.
  ///
  /// - Throws: The error with which this end has to end the stream.
  package mutating func receive(_ payload: ServerFrame.Payload?) throws(RPCError) {
    switch payload {
    case .responseHeaders(let metadata):
      switch self.headers {
      case .awaited:
        self.undeliveredHeadersByteCount = try self.checkedSize(metadata.byteCount)
        self.headers = .received(metadata)
      case .received, .delivered:
        // Sent twice, or late: headers behind a message were taken to be empty.
        ()
      }

    case .responseMessage(let envelope):
      do {
        try self.inbound.receive(envelope)
      } catch {
        throw error.clientError
      }
      self.assumeHeaders()

    case .moreResponseData(let data):
      do {
        try self.inbound.receive(data)
      } catch {
        throw error.clientError
      }

    case .windowUpdate(let increment):
      guard self.outbound.grow(by: increment) else {
        throw RPCError(
          code: .internalError,
          message: "The peer grew the stream's window past \(SendWindow.maximum) bytes."
        )
      }

    case .closeStream(let close):
      let size = try self.checkedSize(close.byteCount)
      if self.inbound.isInsideMessage, close.status?.code ?? 0 == 0 {
        throw RPCError(code: .internalError, message: "The peer closed the stream in a message.")
      }
      self.close(close)
      self.undeliveredCloseByteCount = size

    case .settings, .drain, .none:
      throw RPCError(
        code: .internalError,
        message: "The peer sent a frame that has no place on a stream."
      )
    }
  }

  /// Ends the stream as the peer does, or says that it does, behind what was received.
  package mutating func close(_ close: CloseStream) {
    guard self.end == nil else { return }
    self.isUnprocessed = close.unprocessed && self.isUntouched
    self.end = .closed(close)
    self.outbound.discard()
  }

  /// Whether nothing was received for the stream.
  package var isUntouched: Bool {
    switch self.headers {
    case .awaited: self.end == nil
    case .received, .delivered: false
    }
  }

  package mutating func startLeft() {
    self.hasLeft = true
  }

  /// A stream of which nothing has left ends as one that the peer has not processed, unless a peer
  /// has invented an answer.
  package mutating func tunnelEnded(_ error: RPCError) {
    guard self.isUntouched, !self.hasLeft else { return self.fail(error) }
    let status = WireStatus(code: Int32(error.code.rawValue), message: error.message)
    self.fail(error)
    self.isUnprocessed = true
    self.end = .closed(CloseStream(status: status, unprocessed: true))
  }

  /// Ends the stream on this end's account.
  package mutating func fail(_ error: RPCError) {
    guard self.end == nil else { return }
    self.end = .failed(error)
    self.discardHeaders()
    self.inbound.discard()
    self.outbound.discard()
  }

  // MARK: - The application

  package mutating func read() -> StreamReadResult<Part> {
    switch self.headers {
    case .received(let metadata):
      self.headers = .delivered
      self.undeliveredHeadersByteCount = 0
      return .part(.headers(metadata))
    case .awaited, .delivered:
      ()
    }

    if let message = self.inbound.next() {
      return .part(.message(message))
    }

    switch self.end {
    case .closed(let close):
      // An OK status is never the first part: a response that is only a status is an error.
      if case .awaited = self.headers, close.status?.code ?? 0 == 0 {
        self.headers = .delivered
        return .part(.headers(WireMetadata()))
      }
      self.end = .delivered
      self.undeliveredCloseByteCount = 0
      return .part(.close(close))
    case .failed(let error):
      return .failed(error)
    case .delivered:
      return .end
    case .none:
      return .wait
    }
  }

  package mutating func takeWindowUpdate(allowance: Int, arrival: Duration) -> UInt32? {
    self.isFinished ? nil : self.inbound.takeWindowUpdate(allowance: allowance, arrival: arrival)
  }

  package var windowGrowth: Int {
    self.inbound.windowGrowth
  }

  package var bufferedByteCount: Int {
    self.inbound.bufferedByteCount + self.outbound.byteCount
  }

  package var unreadByteCount: Int {
    self.inbound.unreadByteCount + self.undeliveredHeadersByteCount
      + self.undeliveredCloseByteCount
  }

  package var isOutOfWindow: Bool {
    self.outbound.isOutOfWindow
  }

  package func isInboundFull(limit: Int) -> Bool {
    !self.isFinished && self.inbound.isFull(limit: limit)
  }

  package mutating func write(_ message: ArraySlice<UInt8>, limit: Int) -> StreamWriteResult {
    if let error = self.writeError { return .failed(error) }
    self.outbound.append(message)
    return self.outbound.isFull(limit: limit) ? .writtenThenWait : .written
  }

  package var writeError: RPCError? {
    switch self.end {
    case .closed, .delivered:
      return RPCError(
        code: .failedPrecondition,
        message: "The server has ended the RPC: it takes no more messages."
      )
    case .failed(let error):
      return error
    case .none:
      ()
    }
    switch self.request {
    case .open:
      return nil
    case .halfClosing, .halfClosed:
      return RPCError(code: .failedPrecondition, message: "The request has been finished.")
    }
  }

  package func isOutboundFull(limit: Int) -> Bool {
    self.outbound.isFull(limit: limit)
  }

  package mutating func halfClose() {
    switch self.request {
    case .open:
      self.request = .halfClosing
    case .halfClosing, .halfClosed:
      ()
    }
  }

  // MARK: - Output

  package var isSendable: Bool {
    if self.isFinished { return false }
    return self.outbound.isSendable || self.isEndDue
  }

  package mutating func nextPayload() -> ClientFrame.Payload? {
    if self.isFinished { return nil }
    switch self.outbound.next() {
    case .first(let envelope):
      return .requestMessage(envelope)
    case .more(let data):
      return .moreRequestData(data)
    case .none:
      guard self.isEndDue else { return nil }
      self.request = .halfClosed
      return .halfClose
    }
  }

  /// Whether the half-close is next.
  package var isEndDue: Bool {
    switch self.request {
    case .halfClosing:
      return self.outbound.isEmpty && !self.isFinished
    case .open, .halfClosed:
      return false
    }
  }

  // MARK: - Helpers

  private mutating func discardHeaders() {
    switch self.headers {
    case .received:
      self.headers = .delivered
      self.undeliveredHeadersByteCount = 0
    case .awaited, .delivered:
      ()
    }
  }

  private mutating func assumeHeaders() {
    switch self.headers {
    case .awaited:
      self.headers = .received(WireMetadata())
    case .received, .delivered:
      ()
    }
  }

  /// - Parameter size: That of headers, or of trailers and status.
  private func checkedSize(_ size: Int) throws(RPCError) -> Int {
    guard size <= self.maximumMetadataSize else {
      throw RPCError(
        code: .resourceExhausted,
        message: """
          The peer sent \(size) bytes of metadata; at most \(self.maximumMetadataSize) are taken.
          """
      )
    }
    return size
  }
}
