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

/// The limits and sizes that one end of a tunnel keeps to.
package struct TunnelConfiguration: Hashable, Sendable {
  /// The highest revision that this end speaks.
  package var maximumRevision: ProtocolRevision = .one

  /// The window announced for each stream, in bytes; never below 65,536 (PROTOCOL.md 6).
  package var initialWindowSize: UInt32 = 65_536

  /// What the window of a stream may grow to, in bytes. What a stream makes this end keep is at most
  /// about twice as much, and a message.
  package var maximumWindowSize: Int = 4 * 1024 * 1024

  /// By how many bytes all windows of a tunnel together may be larger than announced.
  package var maximumWindowGrowth: Int = 16 * 1024 * 1024

  /// The largest message taken, in bytes: gRPC's own default.
  package var maximumMessageSize: Int = 4 * 1024 * 1024

  /// The most metadata taken for one stream in one direction, in bytes of keys and values and 32
  /// for each value; a method's name counts too.
  package var maximumMetadataSize: Int = 16 * 1024

  /// The streams that may be open at once.
  package var maximumConcurrentStreams: Int = 1000

  /// The empty messages of one stream that may wait for the application.
  package var maximumEmptyMessages: Int = 16_384

  /// What a peer may make this end keep for all streams of the tunnel together until the applications
  /// read it, in bytes of messages and metadata and what they cost beyond.
  package var maximumUnreadBytesPerTunnel: Int = 128 * 1024 * 1024

  /// The bytes of one stream that may wait to be sent before its writers wait.
  package var sendBufferSize: Int = 65_536

  /// At revision zero: the bytes of one stream that may wait for the application before the carrier
  /// is not read any more.
  package var receiveBufferSize: Int = 65_536

  /// The largest frame that is not message data, in bytes (PROTOCOL.md 5).
  package var maximumControlFrameSize: Int = 1024 * 1024

  /// The control frames that may wait to be sent before the carrier is not read any more.
  package var maximumQueuedControlFrames: Int = 16_384

  /// How long settings may take to arrive.
  package var handshakeTimeout: Duration = .seconds(10)

  /// How long streams that are open may go on when the tunnel drains.
  package var drainTimeout: Duration = .seconds(30)

  /// How long a peer may take to end the carrier after this end has half-closed it.
  package var closeTimeout: Duration = .seconds(5)

  /// At revision zero: how long a stream that nobody reads may stop the others.
  package var stallTimeout: Duration = .seconds(30)

  /// How long nothing arrives before a tunnel client probes whether its peer lives; nil for never
  /// (PROTOCOL.md 11).
  package var probeInterval: Duration? = .seconds(30)

  /// How long nothing may arrive after a probe before the peer counts as dead.
  package var probeTimeout: Duration = .seconds(10)

  /// How long a tunnel is not chosen once its peer seemed to be shutting down (PROTOCOL.md 8).
  package var drainHintDuration: Duration = .seconds(5)

  package init() {}

  /// The revisions that this end accepts, the lowest first.
  package var supportedRevisions: [ProtocolRevision] {
    self.maximumRevision >= .one ? [.zero, .one] : [.zero]
  }
}
