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

public import GRPCNIOTransportHTTP2

extension HTTP2ClientTransport.Posix.Config {
  /// What suits a client that opens tunnels. Differences from `defaults`:
  ///
  /// - Windows of 4 MiB instead of 8 MiB, as at the server.
  /// - Frames of up to 128 KiB instead of 16 KiB, which is as much as a tunnel writes at once.
  /// - Keepalive pings after 320 s without data instead of none, answered within 10 s. Servers that
  ///   are not known to permit more close a client that pings more often than every 5 minutes, and
  ///   load balancers commonly drop what was silent for 350 s.
  /// - A lost connection is tried again after 0.5 s, 1.6 times more after each failure, and at most
  ///   5 s instead of 2 minutes: who opens tunnels has a backoff of its own.
  /// - No coalescing of flushes, which waits up to 100 µs for more to send.
  /// - An RPC that begins as the server shuts down gracefully fails alone, with `unavailable`. Without
  ///   this it can take down the connection with the tunnels and RPCs that the server lets end
  ///   (grpc-swift-nio-transport 2.9.2), so set no `channelDebuggingCallbacks` afterwards: the
  ///   closure is the place for them.
  public static var tunnelDefaults: Self {
    Self.tunnelDefaults()
  }

  /// What suits a client that opens tunnels, changed by a closure.
  ///
  /// - Parameter configure: Changes the config before it is returned.
  public static func tunnelDefaults(configure: (_ config: inout Self) -> Void = { _ in }) -> Self {
    var config = Self.defaults
    config.http2.targetWindowSize = TunnelHTTP2.windowSize
    config.http2.maxFrameSize = TunnelHTTP2.frameSize
    config.connection.keepalive = HTTP2ClientTransport.Config.Keepalive(
      // A little more than the 5 minutes that are counted, for pings do not arrive evenly.
      time: .seconds(320),
      timeout: .seconds(10),
      allowWithoutCalls: false
    )
    config.backoff = HTTP2ClientTransport.Config.Backoff(
      initial: .milliseconds(500),
      max: .seconds(5),
      multiplier: 1.6,
      jitter: 0.2
    )
    // See the server's: batches of a tunnel need no coalescing.
    config.connection.flushCoalescing = nil
    configure(&config)
    config.channelDebuggingCallbacks.guardStreamsAfterGoAway()
    return config
  }
}
