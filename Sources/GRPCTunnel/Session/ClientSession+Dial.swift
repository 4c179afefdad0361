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

extension TunnelSession where Machine == TunnelClientStateMachine {
  /// Opens a forward tunnel over `client` and runs it until it ends.
  ///
  /// - Parameter note: Told what becomes of the tunnel.
  func runDialled(
    over client: GRPCClient<some ClientTransport>,
    metadata: Metadata,
    note: @escaping @Sendable (TunnelLifetime) -> Void
  ) async {
    await self.runDialled(.openTunnel, note: note) { stopped in
      try await client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: metadata) { writer in
          try await self.runRequest(of: .openTunnel, writer, stopped)
        },
        descriptor: .openTunnel,
        serializer: ClientFrameSerializer(),
        deserializer: ServerFrameDeserializer(),
        options: .carrier
      ) { response in
        await self.runResponse(of: .openTunnel, response, stopped) { peer in
          self.carrierOpened(peer: peer)
        } read: { messages in
          await self.readFrames(from: messages) { self.receive($0) }
        }
      }
    } onExpiry: { _ in
    }
  }
}

extension ServerSession {
  /// Opens a reverse tunnel over `client` and runs it until it ends and its handlers have returned.
  ///
  /// - Parameter note: Told what becomes of the tunnel.
  func runDialled(
    over client: CarrierClient<some ClientTransport>,
    metadata: Metadata,
    handler: @escaping StreamHandler,
    note: @escaping @Sendable (TunnelLifetime) -> Void
  ) async {
    await self.session.runDialled(.openReverseTunnel, note: note) { stopped in
      try await client.withClient { client in
        try await client.bidirectionalStreaming(
          request: StreamingClientRequest(metadata: metadata) { writer in
            try await self.session.runRequest(of: .openReverseTunnel, writer, stopped)
          },
          descriptor: .openReverseTunnel,
          serializer: ServerFrameSerializer(),
          deserializer: ClientFrameDeserializer(),
          options: .carrier
        ) { response in
          await self.session.runResponse(of: .openReverseTunnel, response, stopped) { peer in
            self.carrierOpened(peer: peer)
          } read: { messages in
            await self.readFrames(from: messages, handler: handler)
          }
        }
      }
    } onExpiry: { expired in
      self.cancelHandlersIfAborted(expired)
    }
  }
}

extension TunnelSession {
  /// Runs a carrier that this end starts, until the tunnel ends.
  ///
  /// - Parameter startCarrier: Makes the RPC. Fires the event when the RPC's own tasks are cancelled.
  fileprivate func runDialled(
    _ method: MethodDescriptor,
    note: @escaping @Sendable (TunnelLifetime) -> Void,
    _ startCarrier: @escaping @Sendable (_ stopped: OneShotEvent) async throws -> Void,
    onExpiry: @escaping @Sendable ([StreamID]) -> Void
  ) async {
    await withTaskCancellationHandler {
      await withTaskGroup(of: Void.self) { group in
        let stopped = OneShotEvent()
        group.addTask { await self.runTimers(onExpiry: onExpiry) }
        group.addTask {
          do {
            try await DialledPeers.$current.withValue(DialledPeers()) {
              try await startCarrier(stopped)
            }
            self.close(.carrierEnded)
          } catch {
            self.close(.carrierFailed(error, of: method))
          }
        }
        // The end of the tunnel ends a carrier that the peer does not end.
        group.addTask {
          await self.observeUntilClosed(note: note)
          stopped.fire()
        }
        try? await stopped.wait()
        // This task hears first of its own cancellation. A carrier that was stopped before, and
        // without an end of the tunnel, was stopped by GRPCCore, as it does at a deadline.
        self.close(
          Task.isCancelled
            ? .cancelled
            : TunnelEnd(initiator: .local, error: CarrierPolicy(.timeout, on: method).error)
        )
        group.cancelAll()
      }
    } onCancel: {
      self.close(.cancelled)
    }
  }

  fileprivate func runRequest(
    of method: MethodDescriptor,
    _ writer: RPCWriter<Machine.OutboundFrame>,
    _ stopped: OneShotEvent
  ) async throws {
    if let policy = CarrierPolicy(request: writer, method: method) {
      self.close(TunnelEnd(initiator: .local, error: policy.error))
    }
    let isFinished = try await withTaskCancellationHandler {
      try await self.runPump(writer)
    } onCancel: {
      stopped.fire()
    }
    guard isFinished else { return }
    let now = self.clock.now()
    self.update { machine in
      machine.outputFinished(now: now)
      return ((), .nothing)
    }
  }

  fileprivate func runResponse(
    of method: MethodDescriptor,
    _ response: StreamingClientResponse<Machine.InboundFrame>,
    _ stopped: OneShotEvent,
    opened: (CarrierHeaders) -> Void,
    read: (RPCAsyncSequence<Machine.InboundFrame, any Error>) async -> Void
  ) async {
    await withTaskCancellationHandler {
      switch response.accepted {
      case .success(let contents):
        if let policy = CarrierPolicy(response: contents.metadata, method: method) {
          self.close(TunnelEnd(initiator: .local, error: policy.error))
          return
        }
        if let peers = DialledPeers.current?.value {
          self.state.withLock {
            $0.lifetime.setPeers(remotePeer: peers.remotePeer, localPeer: peers.localPeer)
          }
        }
        opened(CarrierHeaders(contents.metadata))
        await read(response.messages)
      case .failure(let error):
        // Whoever cancels the carrier ends the tunnel, and knows why.
        if Task.isCancelled { return }
        let policy = CarrierPolicy(response: error.metadata, method: method)
        self.close(.carrierFailed(policy?.error ?? error))
      }
    } onCancel: {
      stopped.fire()
    }
  }
}

extension TunnelEnd {
  /// The RPC of a carrier could not be started, or did not end by itself.
  ///
  /// A status of the peer is not thrown: a deadline that is, is one that GRPCCore has kept.
  fileprivate static func carrierFailed(
    _ error: any Error,
    of method: MethodDescriptor
  ) -> TunnelEnd {
    if let error = error as? RPCError, error.code == .deadlineExceeded {
      return TunnelEnd(initiator: .local, error: CarrierPolicy(.timeout, on: method).error)
    }
    return .carrierFailed(error)
  }
}

extension CallOptions {
  /// A carrier fails at once when there is no connection: whoever dials decides when to try again.
  fileprivate static var carrier: CallOptions {
    var options = CallOptions.defaults
    options.waitForReady = false
    return options
  }
}
