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

internal import GRPCCore
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import RecordedTunnels

/// One RPC put together from the frames of its stream, whatever the sizes of their chunks and the
/// window updates between them.
struct RecordedCall: Sendable {
  /// What one end of a stream has sent.
  struct Messages: Sendable, Equatable {
    var complete: [[UInt8]] = []
    private var missing = 0

    /// The bytes of all messages, and how many have begun.
    private(set) var byteCount = 0
    private(set) var count = 0
    private(set) var largestChunk = 0

    fileprivate mutating func begin(_ envelope: MessageEnvelope) {
      self.count += 1
      self.complete.append([])
      self.missing = Int(envelope.size)
      self.append(envelope.data)
    }

    fileprivate mutating func append(_ data: ArraySlice<UInt8>) {
      self.complete[self.complete.count - 1] += data
      self.missing -= data.count
      self.byteCount += data.count
      self.largestChunk = max(self.largestChunk, data.count)
    }

    var isComplete: Bool {
      self.missing == 0
    }
  }

  var newStream: NewStream?
  var requests = Messages()
  var isHalfClosed = false
  var isCancelled = false
  var headers: WireMetadata?
  var responses = Messages()
  var close: CloseStream?

  /// Without the leading slash that some peers send.
  var method: String {
    let name = self.newStream?.methodName ?? ""
    return name.first == "/" ? String(name.dropFirst()) : name
  }
}

/// All RPCs of a tunnel, put together from its frames.
struct RecordedCalls: Sendable {
  private(set) var calls: [StreamID: RecordedCall] = [:]
  private(set) var settings: Settings?

  init() {}

  init(_ frames: [FrameRecorder.Frame]) {
    for frame in frames {
      self.receive(frame)
    }
  }

  subscript(id: StreamID) -> RecordedCall {
    self.calls[id] ?? RecordedCall()
  }

  /// In the order in which they were started.
  var ids: [StreamID] {
    self.calls.keys.sorted()
  }

  mutating func receive(_ frame: FrameRecorder.Frame) {
    switch frame {
    case .fromTunnelClient(let frame):
      self.receive(frame)
    case .fromTunnelServer(let frame):
      if case .settings(let settings) = frame.payload {
        self.settings = settings
      } else {
        self.receive(frame)
      }
    }
  }

  private mutating func receive(_ frame: ClientFrame) {
    var call = self[frame.streamID]
    switch frame.payload {
    case .newStream(let newStream): call.newStream = newStream
    case .requestMessage(let envelope): call.requests.begin(envelope)
    case .moreRequestData(let data): call.requests.append(data)
    case .halfClose: call.isHalfClosed = true
    case .cancel: call.isCancelled = true
    case .windowUpdate, .none: ()
    }
    self.calls[frame.streamID] = call
  }

  private mutating func receive(_ frame: ServerFrame) {
    var call = self[frame.streamID]
    switch frame.payload {
    case .responseHeaders(let headers): call.headers = headers
    case .responseMessage(let envelope): call.responses.begin(envelope)
    case .moreResponseData(let data): call.responses.append(data)
    case .closeStream(let close): call.close = close
    case .settings, .windowUpdate, .drain, .none: ()
    }
    self.calls[frame.streamID] = call
  }
}

extension RecordedTunnel {
  /// The frames, decoded.
  func decodedFrames() throws -> [FrameRecorder.Frame] {
    try self.frames.map { frame in
      switch frame.from {
      case .tunnelClient: .fromTunnelClient(try ClientFrame(decoding: frame.bytes))
      case .tunnelServer: .fromTunnelServer(try ServerFrame(decoding: frame.bytes))
      }
    }
  }
}

extension FrameRecorder.Frame {
  var streamID: StreamID {
    switch self {
    case .fromTunnelClient(let frame): frame.streamID
    case .fromTunnelServer(let frame): frame.streamID
    }
  }
}
