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

internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Keeps compressed messages from a stream's handlers that would make the transport of
/// grpc-swift-nio-transport 2.9.2 decompress for ever, on its event loop: those whose data runs out
/// before its end.
final class CompressedMessageGuard: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload

  private let maximumMessageSize: Int
  /// nil while no header says that messages may be compressed.
  private var filter: CompressedMessageFilter?

  init(maximumMessageSize: Int) {
    self.maximumMessageSize = maximumMessageSize
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch self.unwrapInboundIn(data) {
    case .headers(let headers) where self.filter == nil:
      // Any value and any headers: it is not ours to know which of them the transport goes by.
      if headers.headers["grpc-encoding"].contains(where: { $0 != "identity" }) {
        self.filter = CompressedMessageFilter(maximumMessageSize: self.maximumMessageSize)
      }
    case .data(let data):
      guard case .byteBuffer(let bytes) = data.data, let passed = self.filter?.filter(bytes) else {
        break
      }
      if passed.readableBytes > 0 || data.endStream {
        let passed = HTTP2Frame.FramePayload.Data(
          data: .byteBuffer(passed),
          endStream: data.endStream
        )
        context.fireChannelRead(self.wrapInboundOut(.data(passed)))
      }
      return
    default:
      ()
    }
    context.fireChannelRead(data)
  }
}

extension CompressedMessageGuard {
  /// Adds a guard to the streams of a transport, before its own handlers.
  ///
  /// - Parameter callback: What is done to new streams so far.
  static func adding(
    to callback: ChannelCallback?,
    maximumMessageSize: Int
  ) -> ChannelCallback {
    channelCallback(before: callback) { channel in
      try channel.pipeline.syncOperations.addHandler(
        CompressedMessageGuard(maximumMessageSize: maximumMessageSize),
        position: .first
      )
    }
  }
}
