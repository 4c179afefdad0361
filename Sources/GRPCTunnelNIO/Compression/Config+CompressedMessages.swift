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
public import GRPCNIOTransportHTTP2

extension HTTP2ServerTransport.Posix.Config {
  /// Lets clients compress their messages, by gzip and deflate.
  ///
  /// Use this rather than `compression.enabledAlgorithms`: with that alone, one compressed message
  /// that is cut short occupies an event loop for ever (grpc-swift-nio-transport 2.9.2). Here such a
  /// message fails its RPC.
  ///
  /// Set `rpc.maxRequestPayloadSize` before: no compressed message may be longer, before and after it
  /// is decompressed. Callbacks of `channelDebuggingCallbacks` that are set before are called too.
  public mutating func takeCompressedMessages() {
    self.compression.enabledAlgorithms = .all
    self.channelDebuggingCallbacks.onAcceptHTTP2Stream = CompressedMessageGuard.adding(
      to: self.channelDebuggingCallbacks.onAcceptHTTP2Stream,
      maximumMessageSize: self.rpc.maxRequestPayloadSize
    )
  }
}

extension HTTP2ClientTransport.Posix.Config {
  /// Lets servers compress their messages, by gzip and deflate.
  ///
  /// Use this rather than `compression.enabledAlgorithms`: with that alone, one compressed message
  /// that is cut short occupies an event loop for ever (grpc-swift-nio-transport 2.9.2). Here such a
  /// message fails its RPC.
  ///
  /// Callbacks of `channelDebuggingCallbacks` that are set before are called too.
  ///
  /// - Parameter maximumMessageSize: The largest message that any RPC takes, in bytes: what call options
  ///   say in `maxResponseMessageBytes`, which is 4 MiB where they say nothing. No compressed message
  ///   may be longer, before and after it is decompressed.
  public mutating func takeCompressedMessages(maximumMessageSize: Int) {
    self.compression.enabledAlgorithms = .all
    self.channelDebuggingCallbacks.onCreateHTTP2Stream = CompressedMessageGuard.adding(
      to: self.channelDebuggingCallbacks.onCreateHTTP2Stream,
      maximumMessageSize: maximumMessageSize
    )
  }
}
