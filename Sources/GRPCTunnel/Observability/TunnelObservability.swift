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

public import CoreMetrics
public import Logging

/// Where one end of tunnels reports what becomes of them: a log for people, and metrics.
///
/// What is not set up costs nothing: no RPC builds a string, reads a clock or takes memory for it.
///
/// ## Log
///
/// Lines are about tunnels, and about a single RPC only when something of it is dropped; no metadata
/// of an RPC or of a carrier is logged. Each says who speaks and of what in its metadata, under the
/// keys of ``LogKey``.
///
/// | message | level | when |
/// |---|---|---|
/// | `tunnel opened` | info | The tunnel takes RPCs. |
/// | `tunnel draining` | info | One end takes no more RPCs in it. |
/// | `tunnel closed` | info, or warning after a fault or a loss | It has ended. |
/// | `tunnel not opened` | warning, or error | The peer did not take it. |
/// | `tunnel refused` | warning, or error | This end did not take it. |
/// | `status details dropped` | warning | A handler's `grpc-status-details-bin` cannot be read. |
/// | `tunnel reconnecting` | info, warning or error | Another one is opened after a wait. |
///
/// An error is what trying again does not mend: a refusal with `unauthenticated` or
/// `permissionDenied`.
///
/// ## Metrics
///
/// See ``TunnelMetrics``.
public struct TunnelObservability: Sendable {
  /// The keys of the metadata of log lines.
  public enum LogKey: String, Sendable, CaseIterable {
    /// The tunnel, as in ``TunnelID/description``.
    case tunnelID = "tunnel_id"
    /// `forward` or `reverse`: which way RPCs go, compared with who dialled.
    case direction
    /// `client` or `server`: what this end is to the RPCs in the tunnel.
    case role
    /// The key under which a reverse tunnel is registered.
    case key
    /// The other end of the carrier, where its transport tells.
    case remotePeer = "remote_peer"
    /// The revision of the protocol; see ``TunnelInformation/revision``.
    case revision
    /// The extensions that are on, with commas between.
    case extensions
    /// From starting the carrier to the tunnel being open, in milliseconds.
    case handshakeTime = "handshake_ms"
    /// `local` or `remote`: who closed, refused or drains the tunnel, as seen from this end.
    case side
    /// Why, in words; `drained` when a tunnel ends as its drain had it.
    case reason
    /// The name of the status code that goes with the reason, such as `UNAVAILABLE`.
    case code
    /// How long the tunnel was open, in milliseconds.
    case openTime = "open_ms"
    /// The RPCs that the tunnel has carried.
    case rpcs
    /// Those of them that ended with another status than `OK`.
    case failedRPCs = "failed_rpcs"
    /// The bytes of messages that were sent in the tunnel.
    case bytesSent = "sent_bytes"
    /// The bytes of messages that were received in the tunnel.
    case bytesReceived = "received_bytes"
    /// How long it takes until another tunnel is opened, in milliseconds.
    case retryTime = "retry_ms"
    /// The tunnels that were lost or not opened in a row.
    case failures
    /// The service of the RPC, by its full name.
    case service
  }

  /// Is told when tunnels come and go, and why.
  public var logger: Logger

  /// Makes the instruments that ``TunnelMetrics`` names; nil for none.
  public var metrics: (any MetricsFactory)?

  /// Reports to a logger, to metrics, or to both.
  ///
  /// - Parameters:
  ///   - logger: Is told when tunnels come and go, and why; by default nobody is.
  ///   - metrics: Makes the instruments, such as `MetricsSystem.factory`; by default there are none.
  public init(
    logger: Logger = TunnelObservability.none.logger,
    metrics: (any MetricsFactory)? = nil
  ) {
    self.logger = logger
    self.metrics = metrics
  }

  /// Reports nothing.
  public static let none = TunnelObservability(
    logger: Logger(label: "grpc-tunnel") { _ in SwiftLogNoOpLogHandler() }
  )
}
