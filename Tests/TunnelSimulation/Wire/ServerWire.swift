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

package import GRPCTunnelProtocol

/// Watches what a tunnel server sends.
package struct ServerWire: WireMonitor {
  private struct Stream {
    var responses: SentMessages
    var credit: ReturnedCredit
    let isProbe: Bool
    var hasHeaders = false
    var isClosed = false
    var isCancelledByPeer = false
  }

  private let configuration: TunnelConfiguration
  /// There once the tunnel is open.
  private var agreement: CarrierHeaders?
  private var hasSettings = false
  private var streams: [StreamID: Stream] = [:]

  /// What the server has said of the last stream that it processes.
  package private(set) var drain: Drain?

  package init(configuration: TunnelConfiguration) {
    self.configuration = configuration
  }

  /// The tunnel opened.
  package mutating func opened(_ agreement: CarrierHeaders) {
    self.agreement = agreement
  }

  package mutating func wrote(_ message: ArraySlice<UInt8>, to stream: StreamID) {
    self.streams[stream]?.responses.wrote(message)
  }

  /// The bytes that may be sent on a stream; nil when no window limits them.
  func window(of stream: StreamID) -> Int? {
    self.streams[stream]?.responses.window
  }

  package mutating func received(_ frame: ClientFrame) {
    switch frame.payload {
    case .newStream(let newStream):
      let usesFlowControl = newStream.protocolRevision.usesFlowControl
      self.streams[frame.streamID] = Stream(
        responses: SentMessages(window: usesFlowControl ? newStream.initialWindowSize : nil),
        credit: ReturnedCredit(isLimited: usesFlowControl, self.configuration),
        isProbe: newStream.methodName.hasSuffix(TunnelServerStateMachine.probeMethod)
      )
    case .requestMessage(let envelope):
      self.streams[frame.streamID]?.credit.received(envelope.data.count)
    case .moreRequestData(let data):
      self.streams[frame.streamID]?.credit.received(data.count)
    case .windowUpdate(let increment):
      self.streams[frame.streamID]?.responses.granted(increment)
    case .cancel:
      self.streams[frame.streamID]?.isCancelledByPeer = true
    case .halfClose, .none:
      ()
    }
  }

  package mutating func sent(_ frame: ServerFrame) throws(Violation) {
    guard let agreement = self.agreement else {
      throw Violation("The server sent a frame before the tunnel was open")
    }
    if frame.streamID == .tunnel {
      return try self.sent(forTunnel: frame.payload, agreement)
    }
    try require(
      self.hasSettings || !agreement.negotiates,
      "The server sent a frame before its settings"
    )
    guard var stream = self.streams[frame.streamID] else {
      throw Violation("The server sent a frame for a stream that was never started")
    }
    self.streams[frame.streamID] = nil
    try self.sent(frame.payload, on: &stream)
    self.streams[frame.streamID] = stream
  }

  private mutating func sent(
    forTunnel payload: ServerFrame.Payload?,
    _ agreement: CarrierHeaders
  ) throws(Violation) {
    switch payload {
    case .settings(let settings):
      try require(agreement.negotiates, "The server sent settings unasked")
      try require(!self.hasSettings, "The server sent settings twice")
      try require(
        settings.initialWindowSize == self.configuration.initialWindowSize
          && settings.supportedProtocolRevisions == self.configuration.supportedRevisions,
        "The settings are not the configured ones"
      )
      try require(
        settings.maxConcurrentStreams == 0 || agreement.extensions.contains(.streamLimit),
        "The stream limit was not negotiated"
      )
      self.hasSettings = true
    case .drain(let drain):
      try require(agreement.extensions.contains(.drain), "The drain was not negotiated")
      try require(self.drain == nil, "The server said twice that it drains")
      self.drain = drain
    case .responseHeaders, .responseMessage, .moreResponseData, .closeStream, .windowUpdate, .none:
      throw Violation("The server sent a strange frame for the tunnel")
    }
  }

  private func sent(
    _ payload: ServerFrame.Payload?,
    on stream: inout Stream
  ) throws(Violation) {
    try require(!stream.isClosed, "The server sent a frame behind the end of its stream")
    switch payload {
    case .responseHeaders:
      try require(!stream.hasHeaders, "The server sent headers twice")
      stream.hasHeaders = true
    case .responseMessage(let envelope):
      try self.requireTaken(stream)
      try stream.responses.sent(envelope)
    case .moreResponseData(let data):
      try self.requireTaken(stream)
      try stream.responses.sent(data)
    case .closeStream(let close):
      stream.isClosed = true
      let isOK = close.status?.code ?? 0 == 0
      if isOK, !stream.isProbe {
        try require(stream.hasHeaders, "The server closed a stream with OK and without headers")
        try require(!stream.responses.hasUnsent, "The end of a stream overtook messages")
      }
      try require(
        !close.unprocessed || !isOK && !stream.hasHeaders,
        "A stream with a response was called unprocessed"
      )
    case .windowUpdate(let increment):
      try stream.credit.returned(increment)
    case .settings, .drain, .none:
      throw Violation("The server sent a frame that has no place on a stream")
    }
  }

  private func requireTaken(_ stream: Stream) throws(Violation) {
    try require(stream.hasHeaders, "The server sent a message before headers")
    try require(!stream.isCancelledByPeer, "The server sent more to a stream that was cancelled")
  }
}
