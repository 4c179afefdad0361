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

internal import CoreMetrics
internal import GRPCTunnel

extension PrometheusMetrics {
  /// What runs: always 1, with the labels `program` and `version`.
  package static let information = "grpc_tunnel_info"

  /// The metrics of a router or an agent.
  package static func of(program: String, version: String) -> PrometheusMetrics {
    let metrics = PrometheusMetrics(
      help: self.tunnelHelp.merging([self.information: "Always 1; tells what runs."]) { $1 }
    )
    let labels = [("program", program), ("version", version)]
    metrics.makeMeter(label: self.information, dimensions: labels).set(Int64(1))
    return metrics
  }

  /// What the metrics of tunnels mean, by their names.
  package static let tunnelHelp = [
    TunnelMetrics.tunnelsOpen: "Tunnels that are open.",
    TunnelMetrics.handshakeTime: "Time from starting a carrier to its tunnel being open.",
    TunnelMetrics.reconnects: "Tunnels that were lost or not opened, and are dialled again.",
    TunnelMetrics.streamsOpen: "RPCs in tunnels that are open.",
    TunnelMetrics.rpcsStarted: "RPCs in tunnels that were started, or accepted.",
    TunnelMetrics.rpcsFinished: "RPCs in tunnels that have ended, by their status.",
    TunnelMetrics.rpcsRefused: "RPCs that a tunnel server refused, and for which no handler ran.",
    TunnelMetrics.messagesSent: "Messages that were sent in tunnels.",
    TunnelMetrics.messagesReceived: "Messages that were received in tunnels.",
    TunnelMetrics.bytesSent: "Bytes of messages that were sent in tunnels.",
    TunnelMetrics.bytesReceived: "Bytes of messages that were received in tunnels.",
    TunnelMetrics.bytesQueued: "Bytes of messages written and not sent, or received and not read.",
    TunnelMetrics.windowStalls: "How often an RPC had messages to send and no window left.",
    TunnelMetrics.windowStallTime: "How long RPCs waited for window altogether.",
  ]
}
