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
internal import GRPCTunnel
package import GRPCTunnelProtocol

/// One end of a tunnel made by hand: sends what the test says, one frame at a time, and answers
/// nothing by itself.
package final class RawPeer<Outbound: ProtobufMessage, Inbound: ProtobufMessage>: Sendable {
  private enum Side: Sendable {
    case networkClient
    case networkServer
  }

  private let side: Side
  private let pair: CarrierPair
  private let stream: CarrierStream
  private let end = LockedValue<(status: Status, trailers: Metadata)?>(nil)

  private init(_ side: Side, _ pair: CarrierPair, _ stream: CarrierStream) {
    self.side = side
    self.pair = pair
    self.stream = stream
  }

  /// The method that opens the tunnel.
  package var method: MethodDescriptor {
    self.stream.descriptor
  }

  fileprivate static func dial(
    _ method: String,
    over pair: CarrierPair,
    headers: Metadata
  ) async throws -> RawPeer {
    let stream = try await pair.open(
      MethodDescriptor(
        fullyQualifiedService: "grpctunnel.v1.TunnelService",
        method: method,
        type: .bidirectionalStreaming
      )
    )
    try await stream.write(RPCRequestPart.metadata(headers))
    return RawPeer(.networkClient, pair, stream)
  }

  /// Takes the next RPC that the client of `pair` starts, and answers it with headers.
  ///
  /// - Parameter headers: nil to leave the client without an answer; see ``answer(_:)``.
  package static func accept(
    over pair: CarrierPair,
    headers: Metadata? = .negotiating
  ) async throws -> (peer: RawPeer, headers: Metadata) {
    guard let stream = try await pair.accept() else { throw RawPeerError.notDialled }
    guard case .metadata(let received) = try await stream.request.next() else {
      throw RawPeerError.noHeaders
    }
    let peer = RawPeer(.networkServer, pair, stream)
    if let headers { try await peer.answer(headers) }
    return (peer, received)
  }

  /// As the network server: sends the carrier's headers.
  package func answer(_ headers: Metadata) async throws {
    try await self.stream.write(RPCResponsePart.metadata(headers))
  }

  /// As the network client: the carrier's headers that the server sent, before any frame is read.
  package func receiveHeaders() async throws -> Metadata {
    switch try await self.stream.response.next() {
    case .metadata(let metadata): return metadata
    case .status(let status, let trailers):
      self.end.withLock { $0 = (status, trailers) }
      throw RPCError(status: status, metadata: trailers) ?? RawPeerError.noHeaders as any Error
    case .message, .none: throw RawPeerError.noHeaders
    }
  }

  // MARK: - Frames

  package func send(_ frame: Outbound) async throws {
    try await self.send(bytes: frame.encoded())
  }

  /// Sends a carrier message that need not be a frame.
  package func send(bytes: [UInt8]) async throws {
    switch self.side {
    case .networkClient: try await self.stream.write(RPCRequestPart.message(bytes))
    case .networkServer: try await self.stream.write(RPCResponsePart.message(bytes))
    }
  }

  /// Sends a carrier message many times; recorders are not told.
  package func send(bytes: [UInt8], count: Int) async throws {
    switch self.side {
    case .networkClient: try await self.stream.request.write(.message(bytes), count: count)
    case .networkServer: try await self.stream.response.write(.message(bytes), count: count)
    }
  }

  /// The next frame of the other end; nil at the end of the carrier.
  package func next() async throws -> Inbound? {
    switch self.side {
    case .networkServer:
      switch try await self.stream.request.next() {
      case .message(let bytes): return try Inbound(decoding: bytes)
      case .metadata: throw RawPeerError.noHeaders
      case .none: return nil
      }
    case .networkClient:
      while true {
        switch try await self.stream.response.next() {
        case .message(let bytes): return try Inbound(decoding: bytes)
        case .metadata: continue
        case .status(let status, let trailers):
          self.end.withLock { $0 = (status, trailers) }
          return nil
        case .none: return nil
        }
      }
    }
  }

  /// As the network client: reads to the end of the carrier, and gives the status with which the
  /// server ended it.
  package func readStatus() async throws -> Status? {
    while try await self.next() != nil {}
    return self.end.withLock { $0?.status }
  }

  // MARK: - The end

  /// As the network client: sends nothing more.
  package func halfClose() {
    self.stream.request.finish()
  }

  /// As the network server: ends the carrier.
  package func end(_ status: Status = Status(code: .ok, message: "")) async throws {
    try await self.stream.write(.status(status, [:]))
  }

  /// Suspends until the other end, or the network, has broken the carrier off.
  package func waitUntilReset() async throws {
    try await self.stream.wasReset.wait()
  }

  /// As the network client: gives the carrier up.
  package func cancel() {
    self.stream.clientReturned()
  }
}

extension RawPeer where Outbound == ClientFrame, Inbound == ServerFrame {
  /// Opens a forward tunnel.
  package static func dial(
    over pair: CarrierPair,
    headers: Metadata = .negotiating
  ) async throws -> RawPeer {
    try await self.dial("OpenTunnel", over: pair, headers: headers)
  }
}

extension RawPeer where Outbound == ServerFrame, Inbound == ClientFrame {
  /// Opens a reverse tunnel.
  package static func dial(
    over pair: CarrierPair,
    headers: Metadata = .negotiating
  ) async throws -> RawPeer {
    try await self.dial("OpenReverseTunnel", over: pair, headers: headers)
  }
}

/// A tunnel client made by hand.
package typealias RawTunnelClient = RawPeer<ClientFrame, ServerFrame>

/// A tunnel server made by hand.
package typealias RawTunnelServer = RawPeer<ServerFrame, ClientFrame>

package enum RawPeerError: Error {
  case notDialled
  case noHeaders
}

extension Metadata {
  /// The carrier's headers of a peer without extensions: a Go peer.
  package static var negotiating: Metadata {
    ["grpctunnel-negotiate": "on"]
  }

  /// The carrier's headers of a peer with the extensions named.
  package static func negotiating(extensions: TunnelExtension...) -> Metadata {
    var metadata = Metadata()
    CarrierHeaders(negotiates: true, extensions: Set(extensions)).write(into: &metadata)
    return metadata
  }
}
