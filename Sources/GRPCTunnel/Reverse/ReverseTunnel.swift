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

  init(session: ClientSession) {
    self.session = session
  }

  /// Names the tunnel within this process.
  var id: TunnelID {
    self.session.id
  }

  /// An RPC on a place that was taken in this tunnel.
  func attempt(_ call: ClientCall) -> MovableStream.Attempt {
    MovableStream.Attempt(stream: ClientStream(session: self.session, call: call), tunnel: self.id)
  }

  /// Whether the tunnel takes an RPC at once.
  var isReady: Bool {
    self.session.inspect { $0.isReady }
  }

  /// Whether the tunnel takes RPCs, if only when a place is free.
  var isOpen: Bool {
    self.session.inspect { $0.revision != nil && !$0.isDrainingOrClosed }
  }

  /// Whether an RPC may wait for a place in this tunnel: it is open or being opened, and not going
  /// away.
  var isUsable: Bool {
    self.session.inspect { !$0.isDrainingOrClosed }
  }
}

/// A reverse tunnel that was accepted, for the carrier's handler to run.
struct AcceptedReverseTunnel: Sendable {
  var beginDrain: @Sendable () -> Void
  var run:
    @Sendable (
      _ inbound: RPCAsyncSequence<ServerFrame, any Error>,
      _ outbound: RPCWriter<ClientFrame>
    ) async throws -> Void
}
