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

/// What our ends put on the wire, and take from it, in every role: PROTOCOL.md 3 to 6.
@Suite("The contract of the wire, in every role", .timeLimit(.minutes(5)))
struct WireContractTests {
  // MARK: - Opening

  private static let metadata: Metadata = [
    "agent-id": "shop-42", "authorization": "Bearer token", "grpctunnel-negotiate": "off",
  ]

  private static func expectCarrierHeaders(_ headers: Metadata) {
    #expect(headers.strings("grpctunnel-negotiate") == ["on"])
    #expect(
      headers.strings("grpctunnel-extensions")
        == ["binary-metadata,drain,identity,refused,stream-limit"]
    )
  }

  private static func expectRequestHeaders(_ headers: Metadata) {
    Self.expectCarrierHeaders(headers)
    #expect(headers.strings("agent-id") == ["shop-42"])
    #expect(headers.strings("authorization") == ["Bearer token"])
  }

  // PROTOCOL.md 3: the network client opens the carrier with `grpctunnel-negotiate: on`, plus what the
  // user adds.
  // PROTOCOL.md 10: negotiated by the header `grpctunnel-extensions` (comma-separated tokens) in the
  // carrier's request and response headers.
  @Test("a dialled tunnel asks for negotiation and extensions, and says what the user adds")
  func requestHeaders() async throws {
    let pair = CarrierPair()
    try await withGRPCClient(transport: pair.client) { network in
      let transport = TunnelClientTransport(over: network, metadata: Self.metadata)
      _ = try await withRunningClient(transport: transport) { _ in
        let (peer, headers) = try await RawTunnelServer.accept(over: pair)
        #expect(peer.method.method == "OpenTunnel")
        Self.expectRequestHeaders(headers)
        try await peer.end()
      }
      let reverse = ReverseTunnelServerTransport(over: network, metadata: Self.metadata)
      try await withGRPCServer(transport: reverse, services: []) { _ in
        let (peer, headers) = try await RawTunnelClient.accept(over: pair)
        #expect(peer.method.method == "OpenReverseTunnel")
        Self.expectRequestHeaders(headers)
        reverse.beginGracefulShutdown()
        try await peer.end()
      }
    }
  }

  // PROTOCOL.md 3: the network server answers at once with response headers holding
  // `grpctunnel-negotiate: on`, before any frame.
  @Test("a network server answers at once, though nothing is sent to it")
  func responseHeaders() async throws {
    let pair = CarrierPair()
    let tunnels = TunnelService(
      services: [ControlService(events: ControlEvents())],
      reverseTunnels: ReverseTunnels { _ in "agent" }
    )
    try await withGRPCServer(transport: pair.server, services: [tunnels]) { _ in
      let forward = try await RawTunnelClient.dial(over: pair)
      Self.expectCarrierHeaders(try await forward.receiveHeaders())
      forward.halfClose()
      #expect(try await forward.readStatus()?.code == .ok)

      let reverse = try await RawTunnelServer.dial(over: pair)
      Self.expectCarrierHeaders(try await reverse.receiveHeaders())
      reverse.halfClose()
      #expect(try await reverse.readStatus()?.code == .ok)
    }
  }

  /// What is announced for a configured window.
  static let windows: [(configured: Int, announced: UInt32)] = [
    (0, 65_536), (65_535, 65_536), (65_536, 65_536), (1_000_000, 1_000_000),
    (.max, 2_147_483_647),
  ]

  // PROTOCOL.md 3: the tunnel server sends one frame with `stream_id = -1` holding `settings`: its
  // supported revisions and the initial window for data sent to it.
  // PROTOCOL.md 6: never announce less than 65,536; a window above 2^31-1 is an error.
  @Test("a tunnel server's first frame is its settings", arguments: RawTunnel.all, windows)
  func settings(tunnel: RawTunnel, window: (configured: Int, announced: UInt32)) async throws {
    let recorder = FrameRecorder()
    var tunnel = tunnel
    tunnel.pair = CarrierPair(record: recorder.record)
    tunnel.config.flowControl.initialWindowSize = window.configured
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      try await peer.send(.call(1, ControlCall(.unary, [.echo])))
      try await peer.send(.message(1, []))
      try await peer.send(.halfClose(1))
      _ = try await RawResponse(of: 1, from: peer)
    }
    #expect(recorder.serverFrames.first == .settings(.zero, .one, window: window.announced))
    let settings = recorder.serverFrames.filter { $0.streamID == .tunnel && !$0.isDrain }
    #expect(settings.count == 1)
  }

  // PROTOCOL.md 6: the window starts at `NewStream.initial_window_size` towards the tunnel client.
  @Test("a tunnel client announces its window with each stream", arguments: RawTunnel.all, windows)
  func newStream(tunnel: RawTunnel, window: (configured: Int, announced: UInt32)) async throws {
    var tunnel = tunnel
    tunnel.config.flowControl.initialWindowSize = window.configured
    try await tunnel.withOurClient { client, peer in
      async let reply = client.call(ControlCall(.unary, [.echo]))
      let (id, newStream) = try await peer.readNewStream()
      #expect(newStream.initialWindowSize == window.announced)
      #expect(newStream.protocolRevision == .one)
      #expect(newStream.methodName == "/control.Control/unary")
      try await peer.answer(id, [])
      _ = try await reply
    }
  }

  // PROTOCOL.md 4: ids only grow, by 1 from 1; allocate the id and queue its new_stream in one step, so
  // that ids reach the wire in order.
  @Test("ids reach the wire in order, however many callers start at once")
  func ids() async throws {
    let recorder = FrameRecorder()
    var tunnel = TestTunnel()
    tunnel.pair = CarrierPair(record: recorder.record)
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0 ..< 100 {
          group.addTask { _ = try await client.call(ControlCall(.unary, [.echo])) }
        }
        try await group.waitForAll()
      }
    }
    let started = recorder.clientFrames.filter { $0.payload?.startsStream ?? false }
    #expect(started.map(\.streamID.rawValue) == Array(1 ... 100))
  }

  // PROTOCOL.md 6: a window counts the data bytes of message frames (not envelopes, not headers).
  @Test("only the data of messages uses up a window", arguments: RawTunnel.all)
  func windowCountsData(tunnel: RawTunnel) async throws {
    let large = String(repeating: "x", count: 10_000)
    let message = [UInt8](pattern: 65_536)
    try await tunnel.withOurClient { client, peer in
      let metadata: Metadata = ["echo-large": "\(large)"]
      async let reply = client.call(
        ControlCall(.clientStreaming, [], messages: [[], message, []], metadata: metadata)
      )
      let (id, newStream) = try await peer.readNewStream()
      #expect(newStream.requestHeaders?["echo-large"] == [large])
      // All of it comes, without an update.
      while try await peer.nextOrThrow() != .halfClose(id) {}
      try await peer.answer(id, [1])
      #expect(try await reply.messages == [[1]])
    }
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      let call = ControlCall(
        .bidirectional,
        [.send(3, size: 0), .send(1, size: 65_536), .send(3, size: 0)],
        metadata: ["echo-large": "\(large)"]
      )
      try await peer.send(.call(1, call))
      try await peer.send(.halfClose(1))
      let response = try await RawResponse(of: 1, from: peer)
      #expect(response.close.status?.rpcCode ?? .ok == .ok)
      #expect(response.close.responseTrailers?["trailing-large"] == [large])
    }
  }

  // PROTOCOL.md 6: there is no tunnel-wide window: streams and windows are both limited.
  @Test("the defaults bound a tunnel's memory")
  func defaults() {
    let config = TunnelConfig.defaults
    #expect(config.limits.maximumMessageSize == 4 * 1024 * 1024)
    #expect(config.limits.maximumMetadataSize == 16 * 1024)
    #expect(config.limits.maximumConcurrentStreams == 1_000)
    #expect(config.flowControl.initialWindowSize == 65_536)
    #expect(config.flowControl.sendBufferSize == 65_536)
    #expect(config.timeouts.handshake == .seconds(10))
    #expect(config.timeouts.drain == .seconds(30))
    #expect(config.timeouts.close == .seconds(5))
    #expect(config.timeouts.stall == .seconds(30))
    #expect(config.maximumRevision == 1)
  }

  // MARK: - Requests and responses

  // PROTOCOL.md 4: request headers are the RPC's metadata; transport keys do not travel; `user-agent`
  // is forwarded as received.
  @Test(
    "what a caller sends travels, but for what belongs to the transport",
    arguments: RawTunnel.all
  )
  func requestMetadata(tunnel: RawTunnel) async throws {
    try await tunnel.withOurClient { client, peer in
      let metadata: Metadata = [
        "X-Mixed": "1", "user-agent": "mine/1.0", "te": "trailers", "host": "h",
        "content-type": "application/grpc", "grpc-encoding": "gzip", "grpc-status": "0",
        "grpctunnel-negotiate": "on", ":path": "/other", "connection": "close",
      ]
      async let reply = client.call(ControlCall(.unary, [], metadata: metadata))
      let (id, newStream) = try await peer.readNewStream()
      #expect(newStream.requestHeaders == ["x-mixed": ["1"], "user-agent": ["mine/1.0"]])
      try await peer.answer(id, [])
      _ = try await reply
    }
  }

  // PROTOCOL.md 4: response headers are sent once, before the first response message.
  // PROTOCOL.md 4: a single response only after `close_stream`: send both promptly.
  @Test("a response is headers, messages and a close", arguments: RawTunnel.all, RPCKind.allCases)
  func response(tunnel: RawTunnel, kind: RPCKind) async throws {
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      try await peer.send(.call(1, ControlCall(kind, [.echo])))
      try await peer.send(.message(1, [7]))
      try await peer.send(.halfClose(1))
      #expect(try await peer.nextOrThrow() == .headers(1))
      #expect(try await peer.nextOrThrow() == .message(1, [7]))
      #expect(try await peer.nextOrThrow().closeStatus?.rpcCode == .ok)
    }
  }

  // PROTOCOL.md 4: accept a stream without headers; a second `response_headers` is ignored;
  // `CloseStream` without `status` means OK.
  @Test("responses with headers late, twice or never are taken", arguments: RawTunnel.all)
  func oddResponses(tunnel: RawTunnel) async throws {
    let headers: @Sendable (StreamID, String) -> ServerFrame = { id, value in
      ServerFrame(streamID: id, payload: .responseHeaders(["h": [value]]))
    }
    try await tunnel.withOurClient { client, peer in
      for (frames, expected) in [
        ([headers(1, "1"), headers(1, "2"), .message(1, [1]), .close(1)], ["1"]),
        ([.message(2, [1]), headers(2, "1"), .close(2)], []),
        ([.message(3, [1]), .close(3)], []),
      ] as [([ServerFrame], [String])] {
        async let reply = client.call(ControlCall(.unary, []))
        _ = try await peer.readNewStream()
        for frame in frames {
          try await peer.send(frame)
        }
        let received = try await reply
        #expect(received.error == nil)
        #expect(received.messages == [[1]])
        #expect(received.metadata.strings("h") == expected)
      }
    }
  }

  // PROTOCOL.md 4: a code outside 0…16 is UNKNOWN.
  @Test("a status that gRPC does not know is UNKNOWN", arguments: RawTunnel.all, [-1, 17, 1_000])
  func unknownStatus(tunnel: RawTunnel, code: Int32) async throws {
    try await tunnel.withOurClient { client, peer in
      async let reply = client.call(ControlCall(.unary, []))
      let (id, _) = try await peer.readNewStream()
      try await peer.send(.close(id, WireStatus(code: code, message: "odd")))
      #expect(try await reply.error?.code == .unknown)
      #expect(try await reply.error?.message == "odd")
    }
  }

  // PROTOCOL.md 5: a longer chunk is accepted within the window.
  @Test("chunks as long as the window are taken", arguments: RawTunnel.all)
  func longChunks(tunnel: RawTunnel) async throws {
    let message = [UInt8](pattern: 65_536)
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      try await peer.send(.call(1, ControlCall(.unary, [.count])))
      try await peer.send(.message(1, message))
      try await peer.send(.halfClose(1))
      let response = try await RawResponse(of: 1, from: peer)
      #expect(response.close.status?.rpcCode ?? .ok == .ok)
    }
    try await tunnel.withOurClient { client, peer in
      async let reply = client.call(ControlCall(.unary, []))
      let (id, _) = try await peer.readNewStream()
      try await peer.answer(id, message)
      #expect(try await reply.messages == [message])
    }
  }

  // PROTOCOL.md 5: an RPC whose headers, trailers or details would make a frame above 1 MiB is refused
  // locally.
  @Test(
    "metadata too large for a frame fails its RPC alone, and is not sent",
    arguments: RawTunnel.all
  )
  func largeMetadata(tunnel: RawTunnel) async throws {
    let large: Metadata = ["large": .string(String(repeating: "x", count: 1024 * 1024))]
    try await tunnel.withOurClient { client, peer in
      let bad = try await client.call(ControlCall(.unary, [], metadata: large))
      #expect(bad.error?.code == .resourceExhausted)
      async let good = client.call(ControlCall(.unary, []))
      let (id, _) = try await peer.readNewStream()
      #expect(id == 1)
      try await peer.answer(id, [1])
      #expect(try await good.messages == [[1]])
    }
    for interceptor in [
      AddingToResponse(headers: large), AddingToResponse(trailers: large),
    ] {
      var tunnel = tunnel
      tunnel.interceptors = [interceptor]
      try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
        try await peer.send(.call(1, ControlCall(.unary, [.echo])))
        try await peer.send(.message(1, []))
        try await peer.send(.halfClose(1))
        let response = try await RawResponse(of: 1, from: peer)
        #expect(response.close.status?.rpcCode == .resourceExhausted)
      }
    }
  }

  // PROTOCOL.md 5: the number of messages on a unary side is GRPCCore's to check.
  @Test("a unary side with no message, or two, fails its RPC", arguments: RawTunnel.all, [0, 2])
  func unaryCount(tunnel: RawTunnel, count: Int) async throws {
    try await tunnel.withOurClient { client, peer in
      for kind in [RPCKind.unary, .clientStreaming] {
        async let reply = client.call(ControlCall(kind, []))
        let (id, _) = try await peer.readNewStream()
        try await peer.send(.headers(id))
        for _ in 0 ..< count {
          try await peer.send(.message(id, [1]))
        }
        try await peer.send(.close(id))
        #expect(try await reply.error != nil)
      }
    }
    try await tunnel.withOurServer(offering: [ControlService(events: ControlEvents())]) { peer in
      for (id, kind) in zip(1..., [RPCKind.unary, .serverStreaming]) {
        let id = StreamID(rawValue: Int64(id))
        try await peer.send(.call(id, ControlCall(kind, [.echo])))
        for _ in 0 ..< count {
          try await peer.send(.message(id, [1]))
        }
        try await peer.send(.halfClose(id))
        let status = try await peer.readClose(of: id)
        #expect(status.code != 0)
      }
    }
  }
}
