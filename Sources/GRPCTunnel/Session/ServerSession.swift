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

/// The tunnel server's end of a tunnel at work, with the handlers that it runs.
final class ServerSession: Sendable {
  typealias StreamHandler =
    @Sendable (
      _ stream: RPCStream<
        RPCAsyncSequence<RPCRequestPart<TunnelMessageBytes>, any Error>,
        RPCWriter<RPCResponsePart<TunnelMessageBytes>>.Closable
      >,
      _ context: ServerContext
    ) async -> Void

  private typealias Cancellations = LockedValue<[StreamID: ServerContext.RPCCancellationHandle]>

  let session: TunnelSession<TunnelServerStateMachine>
  /// The transport-specific context of the carrier.
  private let carrier: (any ServerContext.TransportSpecific)?
  private let cancellations: Cancellations
  private let isShuttingDown: LockedValue<Bool>

  /// - Parameters:
  ///   - carrier: The transport-specific context of the carrier; nil at the end that dials.
  ///   - observer: Reports on all tunnels of this kind.
  init(
    configuration: TunnelConfiguration,
    origin: TunnelOrigin,
    carrier: (any ServerContext.TransportSpecific)?,
    observer: TunnelObserver,
    clock: TunnelClock,
    budget: UnreadBudget? = nil
  ) {
    let cancellations = Cancellations([:])
    self.session = TunnelSession(
      machine: TunnelServerStateMachine(configuration: configuration, offered: .offered),
      origin: origin,
      observer: observer.observer(of: origin),
      clock: clock,
      budget: budget,
      onEnd: { Self.cancelAll(cancellations) }
    )
    self.carrier = carrier
    self.cancellations = cancellations
    self.isShuttingDown = LockedValue(false)
  }

  // MARK: - The tunnel

  @inline(never)  // Else what this takes stays in the task that runs the tunnel.
  func startConnecting() {
    self.session.startConnecting { $0.startConnecting(now: $1) }
  }

  @inline(never)  // Likewise.
  func carrierOpened(peer: CarrierHeaders) {
    self.session.update { machine in
      machine.carrierOpened(peer: peer)
      return ((), .tunnel)
    }
  }

  /// - Parameter isShutdown: Whether the handlers' server shuts down. As in GRPCCore's own transports
  ///   their cancellation handles then fire, while the RPCs go on: one that has no end of its own,
  ///   such as the carrier of another tunnel, comes to one in this way.
  func beginDrain(isShutdown: Bool) {
    let now = self.session.clock.now()
    self.session.update { machine in
      machine.beginDrain(now: now)
      return ((), .tunnel)
    }
    guard isShutdown else { return }
    // An RPC that was accepted before, and whose handler has not begun, looks for itself.
    self.isShuttingDown.withLock { $0 = true }
    Self.cancelAll(self.cancellations)
  }

  /// Reads frames and runs the handlers of the RPCs that they start, until the tunnel has ended and
  /// the handlers have returned.
  func readFrames(
    from inbound: RPCAsyncSequence<ClientFrame, any Error>,
    handler: @escaping StreamHandler
  ) async {
    let peers = self.session.information.map {
      TunnelPeers($0, carrier: self.carrier)
    }
    await withDiscardingTaskGroup { group in
      await self.session.readFrames(from: inbound) { frame in
        let now = self.session.clock.now()
        let (accepted, next) = self.receive(frame, now: now)
        // Only an open tunnel, of which the peers are known, has RPCs.
        if let accepted, let peers {
          group.addTask { await self.run(accepted, arrival: now, peers, handler: handler) }
        }
        return next
      }
      group.cancelAll()
    }
  }

  private func receive(
    _ frame: ClientFrame,
    now: Duration
  ) -> (AcceptedStream?, TunnelSession<TunnelServerStateMachine>.Reading) {
    let (result, next): (ServerFrameResult, _) = self.session.receive { machine in
      let result = machine.receive(frame, now: now)
      switch result {
      case .ignored: return (result, .nothing)
      case .newStream(let accepted): return (result, .stream(accepted.id))
      case .stream(let id): return (result, .stream(id))
      case .tunnel, .fault: return (result, .tunnel)
      }
    } check: { machine, result in
      if case .stream(let id) = result, machine.streams.inspect(id, { $0.isAborted }) ?? false {
        id
      } else {
        nil
      }
    } beforeResuming: { (aborted: StreamID?) in
      if let aborted { self.cancelHandler(aborted) }
    }
    switch result {
    case .newStream(let accepted): return (accepted, next)
    case .stream, .tunnel, .ignored, .fault: return (nil, next)
    }
  }

  // MARK: - Handlers

  private func run(
    _ accepted: AcceptedStream,
    arrival: Duration,
    _ peers: TunnelPeers,
    handler: StreamHandler
  ) async {
    let descriptor = MethodDescriptor(
      fullyQualifiedService: accepted.service,
      method: accepted.method
    )
    await withServerContextRPCCancellationHandle { cancellation in
      self.cancellations.withLock { $0[accepted.id] = cancellation }
      if self.isShuttingDown.withLock({ $0 }) { cancellation.cancel() }
      self.cancelHandlerIfAborted(accepted.id)

      let stream = ServerStream(
        session: self,
        id: accepted.id,
        service: accepted.service,
        arrival: arrival
      )
      await handler(
        RPCStream(
          descriptor: descriptor,
          inbound: RPCAsyncSequence(wrapping: ServerStream.Inbound(stream: stream)),
          outbound: RPCWriter.Closable(wrapping: ServerStream.Outbound(stream: stream))
        ),
        peers.context(for: descriptor, revision: accepted.revision, cancellation: cancellation)
      )
      _ = self.cancellations.withLock { $0.removeValue(forKey: accepted.id) }
    }
    self.session.update { machine in
      machine.release(accepted.id)
      return ((), .stream(accepted.id))
    }
  }

  /// Fires the cancellation handle of an RPC that ended without its handler's doing.
  func cancelHandlerIfAborted(_ id: StreamID) {
    guard self.session.inspect({ $0.isAborted(id) }) else { return }
    self.cancelHandler(id)
  }

  private func cancelHandler(_ id: StreamID) {
    self.cancellations.withLock { $0[id] }?.cancel()
  }

  func cancelHandlersIfAborted(_ ids: [StreamID]) {
    for id in ids {
      self.cancelHandlerIfAborted(id)
    }
  }

  private static func cancelAll(_ cancellations: Cancellations) {
    for (_, cancellation) in cancellations.withLock({ $0 }) {
      cancellation.cancel()
    }
  }
}
