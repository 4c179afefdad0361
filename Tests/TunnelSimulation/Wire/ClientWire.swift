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

/// Watches what a tunnel client sends.
package struct ClientWire: WireMonitor {
  private struct Stream {
    var requests: SentMessages
    var credit: ReturnedCredit
    let isProbe: Bool
    /// Whether the stream's first frame was sent.
    var hasLeft = false
    var isHalfClosed = false
    var isCancelled = false
    var isClosedByPeer = false
  }

  private let configuration: TunnelConfiguration
  /// There once the tunnel is open.
  private var agreement: TunnelAgreement?
  private var peerWindowSize: UInt32 = 0
  private var streams: [StreamID: Stream] = [:]
  private var lastStreamID = StreamID(rawValue: 0)
  private var hasSaidThatItDrains = false

  package init(configuration: TunnelConfiguration) {
    self.configuration = configuration
  }

  /// The tunnel opened.
  ///
  /// - Parameter settings: What the peer's first frame said, if there was one.
  package mutating func opened(_ agreement: TunnelAgreement, settings: Settings?) {
    self.agreement = agreement
    self.peerWindowSize = settings?.initialWindowSize ?? 0
  }

  /// The revision that the tunnel is or was at.
  var revision: ProtocolRevision? {
    self.agreement?.revision
  }

  /// The application started a stream.
  package mutating func started(_ stream: StreamID) {
    self.insert(stream, isProbe: false)
  }

  private mutating func insert(_ id: StreamID, isProbe: Bool) {
    let usesFlowControl = self.agreement?.revision.usesFlowControl ?? false
    self.streams[id] = Stream(
      requests: SentMessages(window: usesFlowControl ? self.peerWindowSize : nil),
      credit: ReturnedCredit(isLimited: usesFlowControl, self.configuration),
      isProbe: isProbe
    )
  }

  package mutating func wrote(_ message: ArraySlice<UInt8>, to stream: StreamID) {
    self.streams[stream]?.requests.wrote(message)
  }

  /// The bytes that may be sent on a stream; nil when no window limits them.
  func window(of stream: StreamID) -> Int? {
    self.streams[stream]?.requests.window
  }

  package mutating func received(_ frame: ServerFrame) {
    switch frame.payload {
    case .responseMessage(let envelope):
      self.streams[frame.streamID]?.credit.received(envelope.data.count)
    case .moreResponseData(let data):
      self.streams[frame.streamID]?.credit.received(data.count)
    case .windowUpdate(let increment):
      self.streams[frame.streamID]?.requests.granted(increment)
    case .closeStream:
      self.streams[frame.streamID]?.isClosedByPeer = true
    case .responseHeaders, .settings, .drain, .none:
      ()
    }
  }

  package mutating func sent(_ frame: ClientFrame) throws(Violation) {
    guard let agreement = self.agreement else {
      throw Violation("The client sent a frame before the tunnel was open")
    }
    if frame.streamID == .tunnel {
      try require(frame.payload == .halfClose, "The client sent a strange frame for the tunnel")
      try require(agreement.extensions.contains(.drain), "The drain was not negotiated")
      try require(!self.hasSaidThatItDrains, "The client said twice that it drains")
      self.hasSaidThatItDrains = true
      return
    }
    if case .newStream(let newStream) = frame.payload {
      return try self.sent(newStream, id: frame.streamID, agreement)
    }
    guard var stream = self.streams[frame.streamID] else {
      throw Violation("The client sent a frame for a stream that nobody started")
    }
    self.streams[frame.streamID] = nil
    try self.sent(frame.payload, on: &stream)
    self.streams[frame.streamID] = stream
  }

  private mutating func sent(
    _ newStream: NewStream,
    id: StreamID,
    _ agreement: TunnelAgreement
  ) throws(Violation) {
    try require(id > self.lastStreamID, "The client started streams out of order")
    try require(newStream.protocolRevision == agreement.revision, "The stream's revision is wrong")
    self.lastStreamID = id
    if agreement.revision.usesFlowControl {
      try require(
        newStream.initialWindowSize == self.configuration.initialWindowSize,
        "The window announced is not the configured one"
      )
    }
    if newStream.methodName == "/" + TunnelServerStateMachine.probeMethod {
      try require(self.streams[id] == nil, "A probe has the id of a stream")
      self.insert(id, isProbe: true)
    }
    try require(self.streams[id] != nil, "The client started a stream that nobody wants")
    self.streams[id]?.hasLeft = true
  }

  private func sent(
    _ payload: ClientFrame.Payload?,
    on stream: inout Stream
  ) throws(Violation) {
    try require(stream.hasLeft, "The client sent a frame before the start of its stream")
    try require(!stream.isCancelled, "The client sent a frame behind its cancel")
    try require(!stream.isProbe, "The client sent a frame for its probe")
    switch payload {
    case .requestMessage(let envelope):
      try self.requireOpen(stream)
      try stream.requests.sent(envelope)
    case .moreRequestData(let data):
      try self.requireOpen(stream)
      try stream.requests.sent(data)
    case .halfClose:
      try self.requireOpen(stream)
      try require(!stream.requests.hasUnsent, "The half-close overtook messages")
      stream.isHalfClosed = true
    case .cancel:
      stream.isCancelled = true
    case .windowUpdate(let increment):
      try stream.credit.returned(increment)
    case .newStream, .none:
      throw Violation("The client sent a frame that has no place on a stream")
    }
  }

  private func requireOpen(_ stream: Stream) throws(Violation) {
    try require(!stream.isHalfClosed, "The client sent more behind its half-close")
    try require(!stream.isClosedByPeer, "The client sent more to a stream that was closed")
  }
}
