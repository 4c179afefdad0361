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
internal import GRPCTunnelProtocol

/// One reverse tunnel in a registry.
final class ReverseTunnel: Sendable {
  let session: ClientSession

  /// Happens when the two ends have agreed, or will not any more.
  let settled: OneShotEvent

  init(session: ClientSession) {
    self.session = session
    self.settled = OneShotEvent()
  }

  /// Names the tunnel within this process.
  var id: TunnelID {
    self.session.id
  }
}

/// A place for an RPC that was taken in a reverse tunnel.
struct ReverseTunnelPlace: Sendable {
  let tunnel: ReverseTunnel

  /// Takes note that the RPC has ended; called once.
  let end: @Sendable () -> Void

  /// Gives the place back, for an RPC that is not started. Called instead of ``end``.
  func giveBack() {
    self.tunnel.session.cancelReservation()
    self.end()
  }
}

/// A reverse tunnel that was accepted, for the carrier's handler to run.
struct AcceptedReverseTunnel: Sendable {
  /// When it is to be drained.
  var age: TunnelAge
  var beginDrain: @Sendable () -> Void
  var run:
    @Sendable (
      _ inbound: RPCAsyncSequence<ServerFrame, any Error>,
      _ outbound: RPCWriter<ClientFrame>
    ) async throws -> Void
}
