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
internal import GRPCProtobuf
internal import GRPCTunnel
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Logging
internal import Testing

@Suite("Rich errors on the wire (PROTOCOL.md 4)", .timeLimit(.minutes(5)))
struct RichErrorWireTests {
  private static let status = GoogleRPCStatus(
    code: .notFound,
    message: "no such thing",
    details: [.errorInfo(.init(reason: "GONE", domain: "example.com"))]
  )

  // PROTOCOL.md 4: outgoing: take the key out of the trailers, put its details into `status`.
  @Test("details stand in the close's status, and not in its trailers", arguments: RawTunnel.all)
  func outgoing(tunnel: RawTunnel) async throws {
    var tunnel = tunnel
    tunnel.interceptors = [ThrowingInterceptor(error: Self.status)]
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      for (id, kind) in zip(1..., RPCKind.allCases) {
        let id = StreamID(rawValue: Int64(id))
        let close = try await Self.close(of: id, ControlCall(kind, [.echo]), peer)
        let status = try #require(close.status)
        #expect(status.code == 5)
        #expect(status.message == "no such thing")
        #expect(
          status.details.map(\.typeURL) == ["type.googleapis.com/google.rpc.ErrorInfo"]
        )
        #expect(close.responseTrailers ?? [:] == [:])
        let bytes: [UInt8] = status.encoded()
        #expect(try GoogleRPCStatus(serializedBytes: bytes) == Self.status)
      }
    }
  }

  // PROTOCOL.md 4: the RPC's own code and message win; incoming: rebuild the trailer.
  @Test("details in the close's status arrive as a rich error", arguments: RawTunnel.all)
  func incoming(tunnel: RawTunnel) async throws {
    let bytes: [UInt8] = try Self.status.serializedBytes()
    let wire = try WireStatus(decoding: bytes)
    try await tunnel.withOurClient { client, peer in
      for kind in RPCKind.allCases {
        async let reply = client.call(ControlCall(kind, [.echo]))
        let (id, _) = try await peer.readNewStream()
        try await peer.send(.close(id, wire))
        let error = try #require(try await reply.error)
        #expect(error.code == .notFound)
        #expect(error.message == "no such thing")
        #expect(try error.unpackGoogleRPCStatus() == Self.status)
      }
    }
  }

  // PROTOCOL.md 4: a value that does not parse is dropped and logged.
  @Test(
    "details that cannot be read are dropped, logged, and leave the status as it is",
    arguments: RawTunnel.all
  )
  func unreadable(tunnel: RawTunnel) async throws {
    let log = LogRecorder()
    var tunnel = tunnel
    tunnel.observability = log.observability
    // A tag that says more than follows; a message that is not UTF-8.
    for details: [UInt8] in [[0x12, 0x7f, 0x00], [0x12, 0x01, 0xff]] {
      tunnel.interceptors = [
        ThrowingInterceptor(
          error: RPCError(
            code: .dataLoss,
            message: "lost",
            metadata: ["grpc-status-details-bin": .binary(details), "other": "kept"]
          )
        )
      ]
      try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
        let close = try await Self.close(of: 1, ControlCall(.unary, [.echo]), peer)
        #expect(close.status == WireStatus(code: 15, message: "lost"))
        #expect(close.responseTrailers == ["other": ["kept"]])
      }
    }
    let lines = log.lines.filter { $0.message == "status details dropped" }
    #expect(lines.map(\.level) == [.warning, .warning])
    #expect(lines.allSatisfy { $0[.service] == ControlService.name })
  }

  private static func close(
    of id: StreamID,
    _ call: ControlCall,
    _ peer: RawTunnelClient
  ) async throws -> CloseStream {
    try await peer.send(.call(id, call))
    try await peer.send(.message(id, [1]))
    try await peer.send(.halfClose(id))
    return try await RawResponse(of: id, from: peer).close
  }
}
