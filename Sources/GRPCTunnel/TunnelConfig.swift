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

internal import GRPCTunnelProtocol

/// The limits and times that one end of a tunnel keeps to.
public struct TunnelConfig: Sendable, Hashable {
  /// What a peer, or an application, may use up.
  public var limits: Limits

  /// How much may be under way on each stream.
  public var flowControl: FlowControl

  /// How long things may take.
  public var timeouts: Timeouts

  /// How a peer is found that has stopped answering though its connection lives.
  public var liveness: Liveness

  /// The highest revision of the tunnel protocol to use: 1, or 0 for a tunnel without flow control,
  /// in which one stream that nobody reads holds up the others.
  public var maximumRevision: Int

  /// The defaults of every part; revision 1.
  public static var defaults: TunnelConfig {
    TunnelConfig(
      limits: .defaults,
      flowControl: .defaults,
      timeouts: .defaults,
      liveness: .defaults,
      maximumRevision: 1
    )
  }

  /// The defaults, changed by a closure.
  public static func defaults(configure: (_ config: inout TunnelConfig) -> Void) -> TunnelConfig {
    var config = TunnelConfig.defaults
    configure(&config)
    return config
  }
}

extension TunnelConfig {
  /// What a peer, or an application, may use up. Beyond a limit the RPC that meets it fails.
  public struct Limits: Sendable, Hashable {
    /// The largest message that is received, in bytes. Larger ones fail with `resourceExhausted`.
    public var maximumMessageSize: Int

    /// The most metadata that is received for an RPC in each direction, in bytes of keys and values
    /// and 32 more for each value, as HTTP/2 counts; the name of the method is counted too, and the
    /// message and details of a status. More fails with `resourceExhausted`. No more than 1 MiB is
    /// ever taken.
    public var maximumMetadataSize: Int

    /// The RPCs that may be open in one tunnel at once. A tunnel server refuses further ones with
    /// `unavailable`; at a tunnel client they wait.
    public var maximumConcurrentStreams: Int

    /// The empty messages of an RPC that may wait to be read: they use up nothing of a window. More
    /// fail the RPC with `resourceExhausted`.
    public var maximumUnreadEmptyMessages: Int

    /// What the peer may make this end keep of all RPCs of a tunnel together until the applications
    /// read it, in bytes of messages and metadata and up to 64 more for each message. What would be more
    /// fails the RPC that it belongs to with `resourceExhausted`; a tunnel server refuses a new RPC
    /// with `unavailable`. What a single RPC makes this end keep is limited by its window, see
    /// ``TunnelConfig/FlowControl/maximumWindowSize``, and by ``maximumMessageSize``.
    public var maximumUnreadBytesPerTunnel: Int

    /// What all tunnels of one ``TunnelService``, ``ReverseTunnels`` or
    /// ``ReverseTunnelServerTransport`` may make this end keep together, counted likewise. What would be more fails the RPC that it belongs to with
    /// `resourceExhausted`; but each tunnel may always keep 64 KiB, which do not count.
    public var maximumUnreadBytes: Int

    /// The tunnels that one ``TunnelService``, of forward tunnels, or one ``ReverseTunnels`` accepts
    /// at once, those that are being opened included. Further ones are refused with
    /// `resourceExhausted`. The end that dials does not look at it.
    public var maximumTunnels: Int

    /// The tunnels of one key that a ``ReverseTunnels`` accepts at once. Further ones are refused with
    /// `resourceExhausted`.
    public var maximumTunnelsPerKey: Int

    /// How old a tunnel may become, give or take a tenth, before it takes no more RPCs and ends when
    /// those that are open have ended, or after the drain timeout; nil for any age. The end that
    /// accepts tunnels keeps to it; the one that dials may open another.
    public var maximumTunnelAge: Duration?

    /// 4 MiB messages, 16 KiB metadata, 1,000 streams; 16,384 unread empty messages in an RPC;
    /// 128 MiB unread in a tunnel, 512 MiB in all; 10,000 tunnels, 100 of one key, of any age.
    public static var defaults: Limits {
      let configuration = TunnelConfiguration()
      return Limits(
        maximumMessageSize: configuration.maximumMessageSize,
        maximumMetadataSize: configuration.maximumMetadataSize,
        maximumConcurrentStreams: configuration.maximumConcurrentStreams,
        maximumUnreadEmptyMessages: configuration.maximumEmptyMessages,
        maximumUnreadBytesPerTunnel: configuration.maximumUnreadBytesPerTunnel,
        maximumUnreadBytes: 512 * 1024 * 1024,
        maximumTunnels: 10_000,
        maximumTunnelsPerKey: 100,
        maximumTunnelAge: nil
      )
    }
  }

  /// How much may be under way on each stream, in each direction.
  public struct FlowControl: Sendable, Hashable {
    /// The bytes that the peer may send before this end's application has read them. Values are
    /// brought into the range 65,536 to 2,147,483,647 (PROTOCOL.md 6).
    public var initialWindowSize: Int

    /// What a window may grow to while the application keeps up with what arrives, in bytes; none
    /// grows when this is not above ``initialWindowSize``. Windows shrink again when it falls behind.
    /// A peer that fills a window with tiny messages makes this end keep up to twice as much.
    public var maximumWindowSize: Int

    /// By how many bytes the windows of a tunnel together may be larger than
    /// ``initialWindowSize``: what growing windows may cost this end in memory.
    public var maximumWindowGrowth: Int

    /// The bytes that an application may write before its writes wait.
    public var sendBufferSize: Int

    /// Windows of 64 KiB that grow to 4 MiB, together by 16 MiB; 64 KiB to send.
    public static var defaults: FlowControl {
      let configuration = TunnelConfiguration()
      return FlowControl(
        initialWindowSize: Int(configuration.initialWindowSize),
        maximumWindowSize: configuration.maximumWindowSize,
        maximumWindowGrowth: configuration.maximumWindowGrowth,
        sendBufferSize: configuration.sendBufferSize
      )
    }
  }

  /// How long things may take.
  public struct Timeouts: Sendable, Hashable {
    /// From starting the carrier to the tunnel being open.
    public var handshake: Duration

    /// How long open RPCs may go on when the tunnel drains, before they are failed.
    public var drain: Duration

    /// How long the peer may take to end the carrier after this end has half-closed it.
    public var close: Duration

    /// At revision zero: how long an RPC that nobody reads may hold up the others, before it fails.
    public var stall: Duration

    /// 10 s handshake, 30 s drain, 5 s close, 30 s stall.
    public static var defaults: Timeouts {
      let configuration = TunnelConfiguration()
      return Timeouts(
        handshake: configuration.handshakeTimeout,
        drain: configuration.drainTimeout,
        close: configuration.closeTimeout,
        stall: configuration.stallTimeout
      )
    }
  }
}

extension TunnelConfig {
  /// How a peer is found that has stopped answering though its connection lives: one that is stuck,
  /// or is gone from behind a proxy. HTTP/2's pings find neither (PROTOCOL.md 11).
  ///
  /// The end of a tunnel that starts RPCs asks the other for a sign of life when it has heard nothing
  /// for a while, and closes the tunnel when none comes. It takes the peer to speak revision 1.
  public struct Liveness: Sendable, Hashable {
    /// How long a peer may be silent before it is probed; nil for no probes.
    public var probeInterval: Duration?

    /// How long a peer that is probed may take to answer, before its tunnel is closed.
    public var probeTimeout: Duration

    /// Creates settings; see ``defaults``.
    public init(probeInterval: Duration?, probeTimeout: Duration) {
      self.probeInterval = probeInterval
      self.probeTimeout = probeTimeout
    }

    /// Probes after 30 s of silence, answered within 10 s.
    public static var defaults: Liveness {
      let configuration = TunnelConfiguration()
      return Liveness(
        probeInterval: configuration.probeInterval,
        probeTimeout: configuration.probeTimeout
      )
    }
  }
}

extension TunnelConfiguration {
  init(_ config: TunnelConfig) {
    self.init()
    self.maximumRevision = config.maximumRevision >= 1 ? .one : .zero
    self.initialWindowSize = UInt32(
      clamping: min(max(config.flowControl.initialWindowSize, 65_536), SendWindow.maximum)
    )
    self.maximumWindowSize = config.flowControl.maximumWindowSize
    self.maximumWindowGrowth = config.flowControl.maximumWindowGrowth
    self.sendBufferSize = max(1, config.flowControl.sendBufferSize)
    self.maximumMessageSize = max(0, config.limits.maximumMessageSize)
    self.maximumMetadataSize = min(
      max(0, config.limits.maximumMetadataSize),
      self.maximumControlFrameSize
    )
    self.maximumConcurrentStreams = max(1, config.limits.maximumConcurrentStreams)
    self.maximumEmptyMessages = max(0, config.limits.maximumUnreadEmptyMessages)
    self.maximumUnreadBytesPerTunnel = max(0, config.limits.maximumUnreadBytesPerTunnel)
    self.handshakeTimeout = config.timeouts.handshake
    self.drainTimeout = config.timeouts.drain
    self.closeTimeout = config.timeouts.close
    self.stallTimeout = config.timeouts.stall
    self.probeInterval = config.liveness.probeInterval
    self.probeTimeout = config.liveness.probeTimeout
  }
}

extension CarrierHeaders {
  /// What this library offers to every peer.
  static var offered: CarrierHeaders {
    CarrierHeaders(
      negotiates: true,
      extensions: [.binaryMetadata, .drain, .refused, .streamLimit, .identity]
    )
  }
}
