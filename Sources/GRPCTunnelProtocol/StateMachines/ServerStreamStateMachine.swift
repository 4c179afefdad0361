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

/// One stream at the tunnel server: receives a request, sends a response.
package struct ServerStreamStateMachine: StreamStateMachine {
  package typealias OutboundFrame = ServerFrame

  /// What the handler reads, in this order: headers once, then messages.
  package enum Part: Hashable, Sendable {
    case headers(WireMetadata)
    case message(ArraySlice<UInt8>)
  }

  private enum Request: Sendable {
    case open
    case halfClosed
  }

  private enum Response: Sendable {
    case awaitingHeaders
    case open
    /// The close waits behind the messages.
    case closing(CloseStream)
    /// The handler's close was sent, with this code.
    case closed(code: Int)
    /// Ended on another account: the error is what the handler sees when it goes on.
    case aborted(RPCError)
  }

  private var undeliveredHeaders: WireMetadata?
  private var undeliveredByteCount: Int
  private var request: Request
  private var response: Response
  private var inbound: InboundMessageQueue
  private var outbound: OutboundMessageQueue

  package init(
    headers: WireMetadata,
    revision: ProtocolRevision,
    sendWindow: SendWindow,
    configuration: TunnelConfiguration
  ) {
    self.undeliveredHeaders = headers
    self.undeliveredByteCount = headers.byteCount
    self.request = .open
    self.response = .awaitingHeaders
    let usesFlowControl = revision.usesFlowControl
    self.inbound = InboundMessageQueue(
      window: usesFlowControl
        ? ReceiveWindow(
          size: configuration.initialWindowSize,
          maximum: configuration.maximumWindowSize
        ) : nil,
      maximumMessageSize: configuration.maximumMessageSize,
      maximumEmptyMessages: usesFlowControl ? configuration.maximumEmptyMessages : .max
    )
    self.outbound = OutboundMessageQueue(window: usesFlowControl ? sendWindow : .unlimited)
  }

  /// Whether nothing more is sent or taken for this stream.
  package var isFinished: Bool {
    switch self.response {
    case .closed, .aborted: true
    case .awaitingHeaders, .open, .closing: false
    }
  }

  package var finishedCode: Int? {
    switch self.response {
    case .closed(let code): code
    case .aborted(let error): error.code.rawValue
    case .awaitingHeaders, .open, .closing: nil
    }
  }

  /// Whether the stream ended without the handler's doing, which should hear of it.
  package var isAborted: Bool {
    switch self.response {
    case .aborted: true
    case .awaitingHeaders, .open, .closing, .closed: false
    }
  }

  // MARK: - Frames from the tunnel client

  /// Takes a frame other than `cancel` for this stream, which is not finished.
  ///
  /// - Throws: The error with which this end has to close the stream.
  package mutating func receive(_ payload: ClientFrame.Payload?) throws(RPCError) {
    switch payload {
    case .requestMessage(let envelope):
      if self.ignoresRequest { return }
      do {
        try self.inbound.receive(envelope)
      } catch {
        throw error.serverError
      }

    case .moreRequestData(let data):
      if self.ignoresRequest { return }
      do {
        try self.inbound.receive(data)
      } catch {
        throw error.serverError
      }

    case .halfClose:
      if self.ignoresRequest { return }
      guard !self.inbound.isInsideMessage else {
        throw RPCError(
          code: .invalidArgument,
          message: "The peer finished the request in a message."
        )
      }
      self.request = .halfClosed

    case .windowUpdate(let increment):
      guard self.outbound.grow(by: increment) else {
        throw RPCError(
          code: .internalError,
          message: "The peer grew the stream's window past \(SendWindow.maximum) bytes."
        )
      }

    case .newStream, .cancel, .none:
      throw RPCError(
        code: .internalError,
        message: "The peer sent a frame that has no place on a stream."
      )
    }
  }

  /// The peer starts the streams.
  package mutating func startLeft() {}

  package mutating func tunnelEnded(_ error: RPCError) {
    self.fail(error)
  }

  /// Ends the stream at once; what the handler does later is dropped.
  package mutating func fail(_ error: RPCError) {
    guard !self.isFinished else { return }
    self.response = .aborted(error)
    self.inbound.discard()
    self.outbound.discard()
  }

  // MARK: - The handler

  package mutating func read() -> StreamReadResult<Part> {
    if let headers = self.undeliveredHeaders {
      self.undeliveredHeaders = nil
      self.undeliveredByteCount = 0
      return .part(.headers(headers))
    }
    if let message = self.inbound.next() {
      return .part(.message(message))
    }
    switch (self.request, self.response) {
    case (_, .aborted(let error)):
      return .failed(error)
    case (.halfClosed, _), (.open, .closing), (.open, .closed):
      return .end
    case (.open, .awaitingHeaders), (.open, .open):
      return .wait
    }
  }

  package mutating func takeWindowUpdate(allowance: Int, arrival: Duration) -> UInt32? {
    if self.isFinished || self.ignoresRequest { return nil }
    return self.inbound.takeWindowUpdate(allowance: allowance, arrival: arrival)
  }

  package var windowGrowth: Int {
    self.inbound.windowGrowth
  }

  package var bufferedByteCount: Int {
    self.inbound.bufferedByteCount + self.outbound.byteCount
  }

  package var unreadByteCount: Int {
    self.inbound.unreadByteCount + self.undeliveredByteCount
  }

  package var isOutOfWindow: Bool {
    self.outbound.isOutOfWindow
  }

  package func isInboundFull(limit: Int) -> Bool {
    !self.isFinished && self.inbound.isFull(limit: limit)
  }

  /// Takes note that the handler sends its headers.
  ///
  /// - Returns: Whether they are to be sent: they are sent once.
  package mutating func startResponse() -> Bool {
    switch self.response {
    case .awaitingHeaders:
      self.response = .open
      return true
    case .open, .closing, .closed, .aborted:
      return false
    }
  }

  package mutating func write(_ message: ArraySlice<UInt8>, limit: Int) -> StreamWriteResult {
    if let error = self.writeError { return .failed(error) }
    self.outbound.append(message)
    return self.outbound.isFull(limit: limit) ? .writtenThenWait : .written
  }

  package var writeError: RPCError? {
    switch self.response {
    case .awaitingHeaders, .open:
      return nil
    case .closing, .closed:
      return RPCError(code: .failedPrecondition, message: "The response has been finished.")
    case .aborted(let error):
      return error
    }
  }

  package func isOutboundFull(limit: Int) -> Bool {
    self.outbound.isFull(limit: limit)
  }

  /// The handler's status: the stream is closed behind its messages. Later ones are dropped.
  package mutating func close(_ close: CloseStream) {
    switch self.response {
    case .awaitingHeaders, .open:
      self.response = .closing(close)
      // Nobody reads what is left of the request.
      self.inbound.discard()
    case .closing, .closed, .aborted:
      ()
    }
  }

  // MARK: - Output

  package var isSendable: Bool {
    self.outbound.isSendable || self.isEndDue
  }

  package mutating func nextPayload() -> ServerFrame.Payload? {
    switch self.outbound.next() {
    case .first(let envelope):
      return .responseMessage(envelope)
    case .more(let data):
      return .moreResponseData(data)
    case .none:
      guard let close = self.dueClose else { return nil }
      self.response = .closed(code: close.status.map { Int($0.code) } ?? 0)
      return .closeStream(close)
    }
  }

  /// Whether the close is next.
  package var isEndDue: Bool {
    self.dueClose != nil
  }

  private var dueClose: CloseStream? {
    switch self.response {
    case .closing(let close):
      return self.outbound.isEmpty ? close : nil
    case .awaitingHeaders, .open, .closed, .aborted:
      return nil
    }
  }

  // MARK: - Helpers

  /// Whether what is left of the request is of no interest: it is complete, or the handler is done.
  private var ignoresRequest: Bool {
    switch (self.request, self.response) {
    case (.halfClosed, _), (.open, .closing), (.open, .closed), (.open, .aborted):
      return true
    case (.open, .awaitingHeaders), (.open, .open):
      return false
    }
  }
}
