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
internal import GRPCTunnelNIO

extension HTTP2ServerTransport.Posix.Config {
  /// For a server that callers call: the pings of `tunnelDefaults`, windows of 1 MiB since callers
  /// may open many streams of which each has one, and compressed messages.
  static func callers(maximumMessageSize: Int, drainTimeout: Duration) -> Self {
    .tunnelDefaults { config in
      config.connection.maxGraceTime = drainTimeout
      config.http2.targetWindowSize = 1024 * 1024
      // Many RPCs share a connection, each writing for itself.
      config.connection.flushCoalescing = .defaults
      config.rpc.maxRequestPayloadSize = RPCProxyConfig.transportLimit(
        forMessagesOf: maximumMessageSize
      )
      config.takeCompressedMessages()
    }
  }
}

extension HTTP2ClientTransport.Posix.Config {
  /// For the client that calls an ordinary server: a lost connection is tried again within 2 s, for
  /// callers are refused meanwhile, and compressed messages are taken.
  ///
  /// - Parameter serverName: The name that its certificate must have; nil for the host that is dialled.
  static func upstream(serverName: String?, maximumMessageSize: Int) -> Self {
    .tunnelDefaults { config in
      config.http2.authority = serverName
      config.http2.targetWindowSize = 1024 * 1024
      config.backoff = HTTP2ClientTransport.Config.Backoff(
        initial: .milliseconds(200),
        max: .seconds(2),
        multiplier: 1.6,
        jitter: 0.2
      )
      // Many RPCs share a connection, each writing for itself.
      config.connection.flushCoalescing = .defaults
      config.takeCompressedMessages(
        maximumMessageSize: RPCProxyConfig.transportLimit(forMessagesOf: maximumMessageSize)
      )
    }
  }
}
