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

extension StreamID: ExpressibleByIntegerLiteral {
  /// The id of this number.
  public init(integerLiteral value: Int64) {
    self.init(rawValue: value)
  }
}

extension ClientFrame {
  /// Starts a call of ``ControlService``.
  static func call(
    _ id: StreamID,
    _ call: ControlCall,
    revision: ProtocolRevision = .one,
    window: UInt32 = 65_536,
    timeout: String? = nil
  ) -> ClientFrame {
    var headers = WireMetadata()
    for (key, value) in call.requestMetadata {
      headers.append(value.encoded(), forKey: key)
    }
    if let timeout { headers.append(timeout, forKey: "grpc-timeout") }
    return ClientFrame(
      streamID: id,
      payload: .newStream(
        NewStream(
          methodName: call.kind.controlMethod.fullyQualifiedMethod,
          requestHeaders: headers,
          initialWindowSize: window,
          protocolRevision: revision
        )
      )
    )
  }

  /// A message in one frame.
  static func message(_ id: StreamID, _ message: [UInt8]) -> ClientFrame {
    ClientFrame(
      streamID: id,
      payload: .requestMessage(MessageEnvelope(size: UInt32(message.count), data: message[...]))
    )
  }

  static func halfClose(_ id: StreamID) -> ClientFrame {
    ClientFrame(streamID: id, payload: .halfClose)
  }

  static func cancel(_ id: StreamID) -> ClientFrame {
    ClientFrame(streamID: id, payload: .cancel)
  }
}

extension ServerFrame {
  static func settings(_ revisions: ProtocolRevision..., window: UInt32 = 65_536) -> ServerFrame {
    ServerFrame(
      streamID: .tunnel,
      payload: .settings(
        Settings(supportedProtocolRevisions: revisions, initialWindowSize: window)
      )
    )
  }

  static func headers(_ id: StreamID) -> ServerFrame {
    ServerFrame(streamID: id, payload: .responseHeaders([:]))
  }

  /// A message in one frame.
  static func message(_ id: StreamID, _ message: [UInt8]) -> ServerFrame {
    ServerFrame(
      streamID: id,
      payload: .responseMessage(MessageEnvelope(size: UInt32(message.count), data: message[...]))
    )
  }

  static func close(_ id: StreamID, _ status: WireStatus? = nil) -> ServerFrame {
    ServerFrame(streamID: id, payload: .closeStream(CloseStream(status: status)))
  }

  /// The status with which the frame closes its stream.
  var closeStatus: WireStatus? {
    guard case .closeStream(let close) = self.payload else { return nil }
    return close.status ?? WireStatus()
  }

  var isDrain: Bool {
    if case .drain = self.payload { true } else { false }
  }
}

extension WireStatus {
  var rpcCode: Status.Code? {
    Status.Code(rawValue: Int(self.code))
  }
}

extension RawPeer where Outbound == ClientFrame, Inbound == ServerFrame {
  /// Reads until a stream is closed.
  func readClose(of id: StreamID) async throws -> WireStatus {
    while true {
      let frame = try await self.nextOrThrow()
      if frame.streamID == id, let status = frame.closeStatus { return status }
    }
  }
}

extension RawPeer where Outbound == ServerFrame, Inbound == ClientFrame {
  /// Reads until a stream is started.
  func readNewStream() async throws -> (id: StreamID, newStream: NewStream) {
    while true {
      let frame = try await self.nextOrThrow()
      if case .newStream(let newStream) = frame.payload { return (frame.streamID, newStream) }
    }
  }

  /// Answers the stream with one message and OK.
  func answer(_ id: StreamID, _ message: [UInt8]) async throws {
    try await self.send(.headers(id))
    try await self.send(.message(id, message))
    try await self.send(.close(id))
  }
}
