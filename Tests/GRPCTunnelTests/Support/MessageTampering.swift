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

/// In the place of each message of a marked HTTP/2 stream, sends one that claims to be compressed and
/// is cut short.
final class MessageTampering: ChannelOutboundHandler {
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  enum Side: CaseIterable {
    case client
    case server
  }

  /// A header with a name that ends so marks the stream.
  static let mark = "cut-short"

  private static let message: [UInt8] = [1, 0, 0, 0, 1, 0x1f]

  private var isOn = false

  @Sendable static func add(to stream: any Channel) -> EventLoopFuture<Void> {
    stream.eventLoop.makeCompletedFuture {
      try stream.pipeline.syncOperations.addHandler(MessageTampering(), position: .first)
    }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    var payload = self.unwrapOutboundIn(data)
    switch payload {
    case .headers(var headers) where headers.headers.contains { $0.name.hasSuffix(Self.mark) }:
      self.isOn = true
      headers.headers.replaceOrAdd(name: "grpc-encoding", value: "gzip")
      payload = .headers(headers)
    case .data(let data) where self.isOn && data.data.readableBytes > 0:
      payload = .data(
        HTTP2Frame.FramePayload.Data(
          data: .byteBuffer(ByteBuffer(bytes: Self.message)),
          endStream: data.endStream
        )
      )
    default:
      ()
    }
    context.write(self.wrapOutboundOut(payload), promise: promise)
  }
}
