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
    note: (TunnelLifetime) -> Void
  ) async {
    await self.runDialled(note: note) {
      try await client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: metadata) { writer in
          if try await self.runPump(writer) { self.outputFinished() }
        },
        descriptor: .openTunnel,
        serializer: ClientFrameSerializer(),
        deserializer: ServerFrameDeserializer(),
        options: .carrier
      ) { response in
        await self.runResponse(response) { peer in
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
    note: (TunnelLifetime) -> Void
  ) async {
    await self.session.runDialled(note: note) {
      try await client.withClient { client in
        try await client.bidirectionalStreaming(
          request: StreamingClientRequest(metadata: metadata) { writer in
            if try await self.session.runPump(writer) { self.session.outputFinished() }
          },
          descriptor: .openReverseTunnel,
          serializer: ServerFrameSerializer(),
          deserializer: ClientFrameDeserializer(),
          options: .carrier
        ) { response in
          await self.session.runResponse(response) { peer in
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
  fileprivate func runDialled(
    note: (TunnelLifetime) -> Void,
    _ startCarrier: @escaping @Sendable () async throws -> Void,
    onExpiry: @escaping @Sendable ([StreamID]) -> Void
  ) async {
    await withTaskCancellationHandler {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.runTimers(onExpiry: onExpiry) }
        group.addTask {
          do {
            let peers = DialledPeers()
            try await DialledPeers.$current.withValue(peers) { try await startCarrier() }
            self.close(.carrierEnded)
          } catch {
            self.close(.carrierFailed(error))
          }
        }
        // The end of the tunnel ends a carrier that the peer does not end.
        await self.observeUntilClosed(note: note)
        group.cancelAll()
      }
    } onCancel: {
      self.close(.cancelled)
    }
  }

  fileprivate func runResponse(
    _ response: StreamingClientResponse<Machine.InboundFrame>,
    opened: (CarrierHeaders) -> Void,
    read: (RPCAsyncSequence<Machine.InboundFrame, any Error>) async -> Void
  ) async {
    switch response.accepted {
    case .success(let contents):
      if let peers = DialledPeers.current?.value {
        self.state.withLock {
          $0.lifetime.setPeers(remotePeer: peers.remotePeer, localPeer: peers.localPeer)
        }
      }
      opened(CarrierHeaders(contents.metadata))
      await read(response.messages)
    case .failure(let error):
      self.close(.carrierFailed(error))
    }
  }

  fileprivate func outputFinished() {
    let now = self.clock.now()
    self.update { machine in
      machine.outputFinished(now: now)
      return ((), .nothing)
    }
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
