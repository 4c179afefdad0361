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

/// What has become of a tunnel so far, for those who watch it.
struct TunnelLifetime: Sendable {
  private var origin: TunnelOrigin
  private let clock: TunnelClock
  private var connectingSince: Duration?

  /// There once the tunnel has opened, and for ever after.
  private(set) var information: TunnelInformation?

  /// The ends of the tunnel as its RPCs name them; just the tunnel until it is open.
  private(set) var peersOfRPCs: (remote: String, local: String)

  /// From starting the carrier, where this end waits for the peer, to the tunnel being open.
  private(set) var handshakeTime: Duration?

  private var openedAt: Duration?

  /// From the tunnel being open to its end.
  private(set) var openTime: Duration?

  /// Which end began to drain the tunnel.
  private(set) var drainInitiator: TunnelEnd.Initiator?

  /// How the tunnel ended.
  private(set) var end: TunnelEnd?

  /// Grows with everything that becomes of the tunnel.
  private(set) var step = 0

  init(origin: TunnelOrigin, clock: TunnelClock) {
    self.origin = origin
    self.clock = clock
    self.peersOfRPCs = (origin.id.description, origin.id.description)
  }

  /// Takes note that the carrier is being started.
  mutating func startConnecting(now: Duration) {
    self.connectingSince = now
  }

  /// Takes note of the ends of the carrier, before the tunnel opens.
  mutating func setPeers(remotePeer: String, localPeer: String) {
    self.origin.remotePeer = remotePeer
    self.origin.localPeer = localPeer
  }

  /// Takes note of what the tunnel has come to.
  mutating func note(_ machine: some TunnelStateMachine) {
    if self.information == nil, let agreement = machine.agreement {
      let information = self.origin.information(agreement)
      self.information = information
      self.peersOfRPCs = (information.remotePeerOfRPCs, information.localPeerOfRPCs)
      let now = self.clock.now()
      self.handshakeTime = self.connectingSince.map { now - $0 }
      self.openedAt = now
      self.step += 1
    }
    if self.drainInitiator == nil, let initiator = machine.drainInitiator {
      self.drainInitiator = initiator
      self.step += 1
    }
    if self.end == nil, let end = machine.closure {
      self.end = end
      self.openTime = self.openedAt.map { self.clock.now() - $0 }
      self.step += 1
    }
  }
}
