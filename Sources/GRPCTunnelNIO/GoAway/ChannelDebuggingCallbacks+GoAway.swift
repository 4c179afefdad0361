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

internal import GRPCNIOTransportHTTP2
internal import NIOCore
internal import NIOHTTP2

extension HTTP2ClientTransport.Config.ChannelDebuggingCallbacks {
  /// Makes a stream that is created after the server's GOAWAY fail alone: ``StreamAfterGoAwayGuard``.
  ///
  /// Callbacks that are there are called too.
  mutating func guardStreamsAfterGoAway() {
    self.onCreateTCPConnection = channelCallback(before: self.onCreateTCPConnection) { channel in
      let pipeline = channel.pipeline.syncOperations
      let http2 = try pipeline.handler(type: NIOHTTP2Handler.self)
      try pipeline.addHandler(GoAwayObserver(), position: .after(http2))
    }
    self.onCreateHTTP2Stream = channelCallback(before: self.onCreateHTTP2Stream) { stream in
      guard let connection = stream.parent?.pipeline.syncOperations else { return }
      try stream.pipeline.syncOperations.addHandler(
        StreamAfterGoAwayGuard(connection: connection.handler(type: GoAwayObserver.self)),
        position: .first
      )
    }
  }
}
