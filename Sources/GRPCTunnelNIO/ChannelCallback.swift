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

/// What is done to a new channel before it is used, as `channelDebuggingCallbacks` have it.
typealias ChannelCallback = @Sendable (_ channel: any Channel) -> EventLoopFuture<Void>

/// Does something to a new channel, and then what was to be done to it so far.
///
/// - Parameters:
///   - callback: What was to be done.
///   - body: Called on the channel's event loop.
func channelCallback(
  before callback: ChannelCallback?,
  _ body: @escaping @Sendable (_ channel: any Channel) throws -> Void
) -> ChannelCallback {
  { channel in
    channel.eventLoop.makeCompletedFuture {
      try body(channel)
    }.flatMap {
      callback?(channel) ?? channel.eventLoop.makeSucceededVoidFuture()
    }
  }
}
