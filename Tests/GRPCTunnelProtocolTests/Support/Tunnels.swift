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

extension CarrierHeaders {
  /// Negotiates, without extensions: a Go peer.
  static let negotiating = CarrierHeaders(negotiates: true, extensions: [])
  static let silent = CarrierHeaders(negotiates: false, extensions: [])
  static let extended = CarrierHeaders(
    negotiates: true,
    extensions: Set(TunnelExtension.allCases)
  )
}

extension ProtocolRevision {
  static let both: [ProtocolRevision] = [.zero, .one]
}

extension TunnelConfiguration {
  init(configure: (inout TunnelConfiguration) -> Void) {
    self.init()
    configure(&self)
  }
}

extension StreamID: ExpressibleByIntegerLiteral {
  /// So that tests can write ids as numbers.
  public init(integerLiteral value: Int64) {
    self.init(rawValue: value)
  }
}

extension MessageEnvelope {
  /// All of a message.
  init(_ message: ArraySlice<UInt8>) {
    self.init(size: UInt32(message.count), data: message)
  }
}

extension CloseStream {
  init(_ code: RPCError.Code, _ message: String = "") {
    self.init(status: WireStatus(code: Int32(code.rawValue), message: message))
  }

  static let ok = CloseStream(status: WireStatus())
}

extension ServerFrame {
  init(_ id: StreamID, _ payload: Payload?) {
    self.init(streamID: id, payload: payload)
  }

  var close: CloseStream? {
    if case .closeStream(let close) = self.payload { close } else { nil }
  }

  /// The status with which the frame closes its stream.
  var closeCode: RPCError.Code? {
    self.close?.status.flatMap { Status.Code(rawValue: Int($0.code)) }
      .flatMap { RPCError.Code($0) }
  }
}

extension ClientFrame {
  init(_ id: StreamID, _ payload: Payload?) {
    self.init(streamID: id, payload: payload)
  }

  static func newStream(
    _ id: StreamID,
    _ method: String = "service/method",
    headers: WireMetadata = [:],
    revision: ProtocolRevision = .one,
    window: UInt32 = 65_536
  ) -> ClientFrame {
    ClientFrame(
      id,
      .newStream(
        NewStream(
          methodName: method,
          requestHeaders: headers,
          initialWindowSize: window,
          protocolRevision: revision
        )
      )
    )
  }
}

extension TunnelStateMachine {
  /// Everything that waits to be sent.
  mutating func takeFrames() -> [OutboundFrame] {
    var frames: [OutboundFrame] = []
    while self.hasFrames {
      _ = self.takeFrames(into: &frames, maximumByteCount: .max)
    }
    return frames
  }

  mutating func takeFrames(
    into frames: inout [OutboundFrame],
    maximumByteCount: Int
  ) -> [StreamID] {
    self.takeFrames(into: &frames, maximumByteCount: maximumByteCount, now: .zero)
  }
}

extension TunnelServerStateMachine {
  mutating func close(_ id: StreamID, with close: CloseStream) {
    self.close(id, with: close, now: .zero)
  }

  /// A tunnel server that is open, its settings taken.
  static func opened(
    _ peer: CarrierHeaders = .negotiating,
    configure: (inout TunnelConfiguration) -> Void = { _ in }
  ) -> TunnelServerStateMachine {
    var server = TunnelServerStateMachine(
      configuration: TunnelConfiguration(configure: configure),
      offered: .extended
    )
    server.carrierOpened(peer: peer)
    _ = server.takeFrames()
    return server
  }

  mutating func receive(_ frame: ClientFrame) -> ServerFrameResult {
    self.receive(frame, now: .zero)
  }

  mutating func write(_ message: ArraySlice<UInt8>, to id: StreamID) -> StreamWriteResult {
    self.write(message, to: id, now: .zero)
  }
}

extension TunnelClientStateMachine {
  /// A tunnel client that is open, and probes its peer only when it is told to.
  static func opened(
    _ peer: CarrierHeaders = .negotiating,
    settings: Settings = Settings(
      supportedProtocolRevisions: ProtocolRevision.both,
      initialWindowSize: 65_536
    ),
    configure: (inout TunnelConfiguration) -> Void = { _ in }
  ) -> TunnelClientStateMachine {
    var client = TunnelClientStateMachine(
      configuration: TunnelConfiguration { configuration in
        configuration.probeInterval = nil
        configure(&configuration)
      },
      offered: .extended
    )
    client.startConnecting(now: .zero)
    client.carrierOpened(peer: peer)
    if peer.negotiates {
      _ = client.receive(ServerFrame(.tunnel, .settings(settings)), now: .zero)
    }
    return client
  }

  /// A tunnel client that is open at a revision.
  static func opened(
    at revision: ProtocolRevision,
    configure: (inout TunnelConfiguration) -> Void = { _ in }
  ) -> TunnelClientStateMachine {
    .opened(
      settings: Settings(supportedProtocolRevisions: [revision], initialWindowSize: 65_536),
      configure: configure
    )
  }

  mutating func receive(_ frame: ServerFrame) -> ClientFrameResult {
    self.receive(frame, now: .zero)
  }

  mutating func write(_ message: ArraySlice<UInt8>, to id: StreamID) -> StreamWriteResult {
    self.write(message, to: id, now: .zero)
  }

  /// Reserves a place and starts a stream on it.
  mutating func start(
    headers: WireMetadata = [:],
    timeout: Duration? = nil,
    now: Duration = .zero
  ) throws(RPCError) -> StreamID {
    switch self.reserveStream() {
    case .reserved:
      return try self.open(method: "service/method", headers: headers, timeout: timeout, now: now)
    case .wait:
      throw RPCError(code: .resourceExhausted, message: "There is no place.")
    case .failed(let error):
      throw error
    }
  }
}
