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
internal import GRPCTunnel
internal import GRPCTunnelNIO

/// Settings of the HTTP/2 transports, always the same for direct RPCs and for tunnels.
enum TransportSettings: String, CaseIterable, Codable, Sendable {
  /// What the transports do when they are told nothing.
  case `default`
  /// What `GRPCTunnelNIO` suggests.
  case tuned

  /// - Parameter maximumStreams: The streams that a connection may have at once. By default none are
  ///   announced, yet the transport ends the connection when there are more than 100, so that many
  ///   callers need the number in both settings.
  func server(maximumStreams: Int) -> HTTP2ServerTransport.Posix.Config {
    var config: HTTP2ServerTransport.Posix.Config
    switch self {
    case .default: config = .defaults
    case .tuned: config = .tunnelDefaults
    }
    config.http2.maxConcurrentStreams = maximumStreams
    return config
  }

  var client: HTTP2ClientTransport.Posix.Config {
    switch self {
    case .default: .defaults
    case .tuned: .tunnelDefaults
    }
  }

  func tunnel(maximumStreams: Int) -> TunnelConfig {
    .defaults { $0.limits.maximumConcurrentStreams = maximumStreams }
  }
}
