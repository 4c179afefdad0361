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
/// What one end of a tunnel has done so far, and holds now. All counts only grow, but for those that
/// say what is held.
package struct TunnelFigures: Hashable, Sendable {
  /// RPCs that were started, or accepted; refused ones and liveness probes do not count.
  package var streamsStarted: UInt64 = 0

  /// RPCs that have ended, by the number of their status code, 0 to 16.
  package var streamsFinished: [UInt64] = Array(repeating: 0, count: 17)

  /// Tunnel server: RPCs that were refused, and for which no handler ran.
  package var streamsRefused: UInt64 = 0

  package var messagesSent: UInt64 = 0
  package var messagesReceived: UInt64 = 0

  /// Bytes of message data, without framing.
  package var bytesSent: UInt64 = 0
  package var bytesReceived: UInt64 = 0

  /// Bytes of message data that are held now: written and not sent, or received and not read.
  package var bufferedByteCount: Int = 0

  /// What it costs to keep what the peer sent and nobody has read, in bytes: messages, metadata and
  /// statuses. It is what limits on memory apply to.
  package var unreadByteCount: Int = 0

  /// How often a stream had messages to send and no window left to send them.
  package var windowStalls: UInt64 = 0

  /// How long streams waited for window altogether; a wait is added when the peer ends it.
  package var windowStallTime: Duration = .zero

  /// How long the peer took to answer the last liveness probe; nil before the first answer.
  package var probeRoundTrip: Duration?

  package init() {}
}
