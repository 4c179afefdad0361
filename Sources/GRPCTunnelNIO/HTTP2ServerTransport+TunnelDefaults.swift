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

extension HTTP2ServerTransport.Posix.Config {
  /// What suits a server to which tunnels are opened. Differences from `defaults`:
  ///
  /// - Windows of 4 MiB instead of 64 KiB: everything that a client sends through its tunnel shares
  ///   the window of one HTTP/2 stream, and 64 KiB allow 64 KiB per round trip.
  /// - Frames of up to 128 KiB instead of 16 KiB, which is as much as a tunnel writes at once.
  /// - 1,000 streams at once on a connection. None are announced by default, which means any number
  ///   to clients; yet the transport takes 100, and ends the connection at the next.
  /// - Keepalive pings after 20 s without data instead of 2 hours, answered within 10 s: how a lost
  ///   client is found.
  /// - Clients may ping every 10 s, also while they have no RPC open, instead of every 5 minutes.
  /// - A connection is closed 60 s after a graceful shutdown has begun instead of never: a client that
  ///   reads nothing, or ends no RPC, would keep the server from shutting down. Make it longer where
  ///   tunnels, or other RPCs, may take longer to drain.
  /// - No coalescing of flushes, which waits up to 100 µs for more to send.
  ///
  /// Requests are limited to 4 MiB as by default, more than any frame of a tunnel has.
  public static var tunnelDefaults: Self {
    Self.tunnelDefaults()
  }

  /// What suits a server to which tunnels are opened, changed by a closure.
  ///
  /// - Parameter configure: Changes the config before it is returned.
  public static func tunnelDefaults(configure: (_ config: inout Self) -> Void = { _ in }) -> Self {
    var config = Self.defaults
    config.http2.targetWindowSize = TunnelHTTP2.windowSize
    config.http2.maxFrameSize = TunnelHTTP2.frameSize
    config.http2.maxConcurrentStreams = TunnelHTTP2.maximumConcurrentStreams
    config.connection.keepalive = HTTP2ServerTransport.Config.Keepalive(
      time: .seconds(20),
      timeout: .seconds(10),
      clientBehavior: HTTP2ServerTransport.Config.ClientKeepaliveBehavior(
        minPingIntervalWithoutCalls: .seconds(10),
        allowWithoutCalls: true
      )
    )
    config.connection.maxGraceTime = .seconds(60)
    // A tunnel writes all that is pending as one batch, so that there is little left to coalesce:
    // the delay would be paid in each direction by every RPC of a tunnel that is not busy.
    config.connection.flushCoalescing = nil
    configure(&config)
    return config
  }
}
