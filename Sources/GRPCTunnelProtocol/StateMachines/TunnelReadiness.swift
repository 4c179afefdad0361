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

/// How ready a tunnel is for another RPC, as its client sees it.
package enum TunnelReadiness: Hashable, Sendable {
  /// The two ends have not agreed yet.
  case opening
  case ready
  /// A liveness probe waits for its answer: the peer may be dead.
  case silent
  /// There is no place until an RPC ends, or until frames that wait have left.
  case full
  /// The peer seems to be shutting down, and was asked whether it is (PROTOCOL.md 8).
  case suspended
  /// One end takes no more RPCs.
  case draining(TunnelEnd.Initiator)
  /// Nothing can be sent any more: the tunnel ends soon.
  case closing
  case closed
}

extension TunnelClientStateMachine {
  package var readiness: TunnelReadiness {
    if self.closure != nil { return .closed }
    if self.ending.outputFailure != nil { return .closing }
    if let initiator = self.drainInitiator { return .draining(initiator) }
    switch self.state {
    case .open(let peer):
      if !self.hasCapacity(peer) { return .full }
      if self.hintDeadline != nil { return .suspended }
      return self.liveness.isSilent ? .silent : .ready
    case .idle, .connecting, .awaitingSettings, .closed:
      return .opening
    }
  }
}
