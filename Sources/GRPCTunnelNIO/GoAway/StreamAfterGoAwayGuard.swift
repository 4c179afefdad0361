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
internal import NIOCore
internal import NIOHTTP2

/// Fails a stream that is created after the server's GOAWAY, and that stream alone.
///
/// An RPC can take a connection just before its balancer learns of the GOAWAY. HTTP/2 then forbids
/// the stream, which swift-nio-http2 reports as an error of the connection, at which
/// grpc-swift-nio-transport 2.9.2 closes it with all of its streams: tunnels that the server lets
/// drain would be lost whenever an RPC begins in that moment, above all the one that replaces them.
final class StreamAfterGoAwayGuard: ChannelOutboundHandler {
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  /// nil once the stream has been created, or must not be.
  private var connection: GoAwayObserver?
  private var isRefused = false

  init(connection: GoAwayObserver) {
    self.connection = connection
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    // Its first frame creates a stream.
    if let connection = self.connection {
      self.connection = nil
      if connection.hasGoneAway {
        self.isRefused = true
        promise?.fail(RPCError.createdAfterGoAway)
        // The transport's handler ends the RPC, and closes the channel of the stream.
        context.fireErrorCaught(RPCError.createdAfterGoAway)
        return
      }
    }
    if self.isRefused {
      promise?.fail(RPCError.createdAfterGoAway)
    } else {
      context.write(data, promise: promise)
    }
  }
}

extension RPCError {
  fileprivate static var createdAfterGoAway: RPCError {
    RPCError(code: .unavailable, message: "The server takes no more RPCs on this connection.")
  }
}
