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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelNIO
internal import NIOCore
internal import NIOEmbedded
internal import NIOHPACK
internal import NIOHTTP2
internal import Testing

/// How the pipelines of a client's connection and its streams deal with a server's GOAWAY, with the
/// callbacks of ``HTTP2ClientTransport/Posix/Config/tunnelDefaults``.
@Suite("A stream that is created after GOAWAY", .timeLimit(.minutes(5)))
struct StreamAfterGoAwayTests {
  @Test("fails alone, and with the code that says so")
  func failsAlone() throws {
    let connection = try GuardedConnection()
    let before = try connection.openStream()
    before.writeRequest()
    try connection.receiveGoAway()

    let after = try connection.openStream()
    after.writeRequest()
    after.writeData()
    #expect(after.errors.count == 1)
    #expect((after.errors.first as? RPCError)?.code == .unavailable)
    // What the transport does at the error.
    after.channel.close(promise: nil)
    connection.run()
    #expect(!after.channel.isActive)

    // The connection, and what began before, go on.
    before.writeData()
    #expect(before.channel.isActive)
    #expect(before.errors.isEmpty)
    #expect(connection.isActive)
    #expect(connection.errors.isEmpty)
  }

  @Test("is created while there has been none")
  func noGoAway() throws {
    let connection = try GuardedConnection()
    for _ in 0 ..< 3 {
      let stream = try connection.openStream()
      stream.writeRequest()
      #expect(stream.errors.isEmpty)
      #expect(stream.channel.isActive)
    }
    #expect(connection.errors.isEmpty)
  }

  @Test("is guarded besides what the user's callbacks do")
  func usersCallbacks() throws {
    let connections = LockedValue(0)
    let streams = LockedValue(0)
    let connection = try GuardedConnection { config in
      config.channelDebuggingCallbacks.onCreateTCPConnection = { channel in
        connections.withLock { $0 += 1 }
        return channel.eventLoop.makeSucceededVoidFuture()
      }
      config.channelDebuggingCallbacks.onCreateHTTP2Stream = { channel in
        streams.withLock { $0 += 1 }
        return channel.eventLoop.makeSucceededVoidFuture()
      }
    }
    _ = try connection.openStream()
    try connection.receiveGoAway()
    let stream = try connection.openStream()
    stream.writeRequest()
    #expect(stream.errors.count == 1)
    #expect(connection.errors.isEmpty)
    #expect(connections.withLock { $0 } == 1)
    #expect(streams.withLock { $0 } == 2)
  }
}

/// A client's HTTP/2 connection in one thread, set up as the transport does it, with the callbacks of
/// the defaults for tunnels.
private final class GuardedConnection {
  private let channel = EmbeddedChannel()
  private let http2: NIOHTTP2Handler
  private let recorder = ErrorRecorder()
  private let callbacks: HTTP2ClientTransport.Config.ChannelDebuggingCallbacks

  init(
    configure: (inout HTTP2ClientTransport.Posix.Config) -> Void = { _ in }
  ) throws {
    self.callbacks =
      HTTP2ClientTransport.Posix.Config
      .tunnelDefaults(configure: configure)
      .channelDebuggingCallbacks
    self.http2 = NIOHTTP2Handler(
      mode: .client,
      eventLoop: self.channel.eventLoop,
      inboundStreamInitializer: { $0.close() }
    )
    try self.channel.pipeline.syncOperations.addHandlers(self.http2, self.recorder)
    try self.callbacks.onCreateTCPConnection?(self.channel).wait()
    try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    // SETTINGS without any.
    try self.channel.writeInbound(ByteBuffer(bytes: [0, 0, 0, 4, 0, 0, 0, 0, 0]))
  }

  var isActive: Bool { self.channel.isActive }

  /// What the transport closes the connection at.
  var errors: [any Error] { self.recorder.errors }

  /// The server shuts down gracefully: GOAWAY with the highest stream id and NO_ERROR.
  func receiveGoAway() throws {
    try self.channel.writeInbound(
      ByteBuffer(bytes: [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
    )
  }

  func openStream() throws -> GuardedStream {
    let multiplexer = try self.http2.syncMultiplexer()
    let promise = self.channel.eventLoop.makePromise(of: (any Channel).self)
    let onCreate = self.callbacks.onCreateHTTP2Stream
    multiplexer.createStreamChannel(promise: promise) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(ErrorRecorder())
      }.flatMap {
        onCreate?(stream) ?? stream.eventLoop.makeSucceededVoidFuture()
      }
    }
    self.channel.embeddedEventLoop.run()
    return try GuardedStream(channel: promise.futureResult.wait())
  }

  /// Lets everything happen that was put off.
  func run() {
    self.channel.embeddedEventLoop.run()
  }
}

private struct GuardedStream {
  let channel: any Channel
  private let recorder: ErrorRecorder

  init(channel: any Channel) throws {
    self.channel = channel
    self.recorder = try channel.pipeline.syncOperations.handler(type: ErrorRecorder.self)
  }

  var errors: [any Error] { self.recorder.errors }

  func writeRequest() {
    let headers: HPACKHeaders = [
      ":method": "POST", ":scheme": "http", ":path": "/shop.Printer/PrintLabel",
      ":authority": "shop",
    ]
    self.write(.headers(.init(headers: headers)))
  }

  func writeData() {
    self.write(.data(.init(data: .byteBuffer(ByteBuffer(string: "more")))))
  }

  private func write(_ payload: HTTP2Frame.FramePayload) {
    self.channel.writeAndFlush(payload, promise: nil)
  }
}

/// Stands where the transport's own handlers do.
private final class ErrorRecorder: ChannelInboundHandler {
  typealias InboundIn = Any

  private(set) var errors: [any Error] = []

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    self.errors.append(error)
  }
}
