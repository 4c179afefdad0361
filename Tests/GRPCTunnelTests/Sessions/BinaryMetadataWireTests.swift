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
internal import GRPCTunnel
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Metadata on the wire (PROTOCOL.md 9 and 10)", .timeLimit(.minutes(5)))
struct BinaryMetadataWireTests {
  /// Values as an application has them, and as they travel without and with the extension.
  private static let values: [(value: [UInt8], raw: String, encoded: String)] = [
    (Array("b".utf8), "b", "Yg"), ([], "", ""), (Array("é漢".utf8), "é漢", "w6nmvKI"),
    ([0], "\0", "AA"), (Array("ab".utf8), "ab", "YWI"),
  ]

  private static func wireValues(encoded: Bool) -> [String] {
    Self.values.map { encoded ? $0.encoded : $0.raw }
  }

  private static func metadata(_ key: String) -> Metadata {
    var metadata: Metadata = ["\(key)text": "é", "\(key)text": "", "\(key)text": "a b"]
    for value in Self.values {
      metadata.addBinary(value.value, forKey: "\(key)values-bin")
    }
    return metadata
  }

  /// Both directions, without and with the extension.
  static let tunnels: [(RawTunnel, Bool)] = RawTunnel.all.flatMap {
    [($0, false), ($0.with(extensions: .binaryMetadata), true)]
  }

  // MARK: - What travels

  // PROTOCOL.md 9: text values as they are; values of `-bin` keys: the raw bytes when they are UTF-8.
  // PROTOCOL.md 10: binary-metadata: every `-bin` value travels as unpadded standard base64, both ways.
  @Test(
    "a request's values travel raw, or encoded with the extension, in order",
    arguments: tunnels
  )
  func request(tunnel: RawTunnel, isEncoded: Bool) async throws {
    try await tunnel.withOurClient { client, peer in
      async let reply = client.call(ControlCall(.unary, [], metadata: Self.metadata("x-")))
      let (id, newStream) = try await peer.readNewStream()
      let headers = try #require(newStream.requestHeaders)
      #expect(headers["x-text"] == ["é", "", "a b"])
      #expect(headers["x-values-bin"] == Self.wireValues(encoded: isEncoded))
      try await peer.answer(id, [])
      #expect(try await reply.error == nil)
    }
  }

  // PROTOCOL.md 9 and 10: the same for what a request brings, and for the response's headers and
  // trailers.
  @Test("a handler sees the values, and its own travel the same way", arguments: tunnels)
  func response(tunnel: RawTunnel, isEncoded: Bool) async throws {
    let wire = Self.wireValues(encoded: isEncoded)
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      var frame = ClientFrame.call(1, ControlCall(.unary, [.echo]))
      if case .newStream(var newStream) = frame.payload {
        newStream.requestHeaders?.set(["é", "", "a b"], forKey: "echo-text")
        newStream.requestHeaders?.set(wire, forKey: "echo-values-bin")
        frame.payload = .newStream(newStream)
      }
      try await peer.send(frame)
      try await peer.send(.message(1, []))
      try await peer.send(.halfClose(1))
      let response = try await RawResponse(of: 1, from: peer)
      #expect(response.headers?["initial-text"] == ["é", "", "a b"])
      #expect(response.headers?["initial-values-bin"] == wire)
      #expect(response.close.responseTrailers?["trailing-text"] == ["é", "", "a b"])
      #expect(response.close.responseTrailers?["trailing-values-bin"] == wire)
    }
  }

  @Test("a caller sees what a response brings", arguments: tunnels)
  func responseToCaller(tunnel: RawTunnel, isEncoded: Bool) async throws {
    let wire = Self.wireValues(encoded: isEncoded)
    try await tunnel.withOurClient { client, peer in
      async let reply = client.call(ControlCall(.unary, []))
      let (id, _) = try await peer.readNewStream()
      try await peer.send(
        ServerFrame(streamID: id, payload: .responseHeaders(["x-bin": wire, "x": ["é", ""]]))
      )
      try await peer.send(.message(id, []))
      let close = CloseStream(responseTrailers: ["y-bin": wire, "y": ["", "é"]])
      try await peer.send(ServerFrame(streamID: id, payload: .closeStream(close)))
      let received = try await reply
      #expect(received.metadata.binaries("x-bin") == Self.values.map(\.value))
      #expect(received.metadata.strings("x") == ["é", ""])
      #expect(received.trailers.binaries("y-bin") == Self.values.map(\.value))
      #expect(received.trailers.strings("y") == ["", "é"])
    }
  }

  // MARK: - What cannot travel

  // PROTOCOL.md 9: other bytes in a `-bin` value: that RPC alone fails with a clear INTERNAL error
  // naming the key, before anything is sent, and the tunnel lives on.
  @Test(
    "without the extension other bytes fail their RPC alone, before anything is sent",
    arguments: RawTunnel.all,
    RPCKind.allCases
  )
  func unsendableRequest(tunnel: RawTunnel, kind: RPCKind) async throws {
    try await tunnel.withOurClient { client, peer in
      for value: [UInt8] in [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80]] {
        let bad = try await client.call(
          ControlCall(kind, [], metadata: ["good-bin": .binary([1]), "some-bin": .binary(value)])
        )
        #expect(bad.error?.code == .internalError)
        #expect(bad.error?.message.contains("'some-bin'") == true)
      }
      async let good = client.call(ControlCall(kind, [], metadata: ["some-bin": .binary([1])]))
      let (id, _) = try await peer.readNewStream()
      #expect(id == 1)
      try await peer.answer(id, [1])
      #expect(try await good.messages == [[1]])
    }
  }

  // PROTOCOL.md 9: other bytes: the same for a response's headers.
  @Test(
    "headers that cannot be sent fail their RPC alone, and nothing of them is sent",
    arguments: RawTunnel.all
  )
  func unsendableHeaders(tunnel: RawTunnel) async throws {
    var tunnel = tunnel
    tunnel.interceptors = [AddingToResponse(headers: ["some-bin": .binary([0xff])])]
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      for (id, kind) in zip(1..., RPCKind.allCases) {
        let response = try await Self.response(StreamID(rawValue: Int64(id)), kind, peer)
        #expect(response.headers == nil)
        #expect(response.messages.isEmpty)
        #expect(response.close.status?.rpcCode == .internalError)
        #expect(response.close.status?.message.contains("'some-bin'") == true)
      }
    }
  }

  // PROTOCOL.md 9: trailers that cannot be sent turn that RPC's status into INTERNAL naming the key.
  @Test(
    "trailers that cannot be sent turn the status into INTERNAL, whatever it was",
    arguments: RawTunnel.all,
    [false, true]
  )
  func unsendableTrailers(tunnel: RawTunnel, fails: Bool) async throws {
    var tunnel = tunnel
    let trailers: Metadata = ["some-bin": .binary([0xff]), "good": "1"]
    tunnel.interceptors =
      fails
      ? [ThrowingInterceptor(error: RPCError(code: .notFound, message: "", metadata: trailers))]
      : [AddingToResponse(trailers: trailers)]
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      for (id, kind) in zip(1..., RPCKind.allCases) {
        let response = try await Self.response(StreamID(rawValue: Int64(id)), kind, peer)
        #expect(response.close.status?.rpcCode == .internalError)
        #expect(response.close.status?.message.contains("'some-bin'") == true)
        #expect(response.close.responseTrailers ?? [:] == [:])
      }
    }
  }

  // PROTOCOL.md 10: binary-metadata: what is not base64 breaks the extension for its stream alone.
  @Test(
    "with the extension a value that is not base64 fails its RPC alone",
    arguments: RawTunnel.all
  )
  func notBase64(tunnel: RawTunnel) async throws {
    let tunnel = tunnel.with(extensions: .binaryMetadata)
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      var frame = ClientFrame.call(1, ControlCall(.unary, [.echo]))
      if case .newStream(var newStream) = frame.payload {
        newStream.requestHeaders?.set(["not base64!"], forKey: "some-bin")
        frame.payload = .newStream(newStream)
      }
      try await peer.send(frame)
      let response = try await RawResponse(of: 1, from: peer)
      #expect(response.close.status?.rpcCode == .internalError)
      #expect(response.close.status?.message.contains("'some-bin'") == true)
      let good = try await Self.response(2, .unary, peer)
      #expect(good.close.status?.rpcCode ?? .ok == .ok)
    }
    try await tunnel.withOurClient { client, peer in
      async let reply = client.call(ControlCall(.unary, []))
      let (id, _) = try await peer.readNewStream()
      try await peer.send(
        ServerFrame(streamID: id, payload: .responseHeaders(["some-bin": ["not base64!"]]))
      )
      let error = try await reply.error
      #expect(error?.code == .internalError)
      #expect(error?.message.contains("'some-bin'") == true)
      async let good = client.call(ControlCall(.unary, []))
      let (next, _) = try await peer.readNewStream()
      try await peer.answer(next, [1])
      #expect(try await good.messages == [[1]])
    }
  }

  private static func response(
    _ id: StreamID,
    _ kind: RPCKind,
    _ peer: RawTunnelClient
  ) async throws -> RawResponse {
    try await peer.send(.call(id, ControlCall(kind, [.echo])))
    try await peer.send(.message(id, [1]))
    try await peer.send(.halfClose(id))
    return try await RawResponse(of: id, from: peer)
  }
}
