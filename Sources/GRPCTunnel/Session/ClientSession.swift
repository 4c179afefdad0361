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

/// The tunnel client's end of a tunnel at work.
typealias ClientSession = TunnelSession<TunnelClientStateMachine>

extension TunnelSession where Machine == TunnelClientStateMachine {
  /// - Parameters:
  ///   - observer: Reports on all tunnels of this kind.
  ///   - key: The key under which the tunnel is registered.
  convenience init(
    configuration: TunnelConfiguration,
    offered: CarrierHeaders = .offered,
    origin: TunnelOrigin,
    observer: TunnelObserver,
    key: String? = nil,
    clock: TunnelClock,
    budget: UnreadBudget? = nil
  ) {
    self.init(
      machine: TunnelClientStateMachine(configuration: configuration, offered: offered),
      origin: origin,
      observer: observer.observer(of: origin, key: key),
      clock: clock,
      budget: budget
    )
  }

  /// Takes a place for a stream and runs `body` with it; the stream is cancelled if it has not ended
  /// when `body` returns.
  func withStream<Result: Sendable>(
    _ call: ClientCall,
    _ body: (
      _ stream: RPCStream<TunnelClientTransport.Inbound, TunnelClientTransport.Outbound>,
      _ context: ClientContext
    ) async throws -> Result
  ) async throws -> Result {
    do {
      try await self.reserveStream(until: call.deadline)
    } catch let error as RPCError where call.hasExecutionPolicy && !Task.isCancelled {
      return try await body(
        FailedStream(error).stream(for: call.descriptor),
        self.clientContext(for: call.descriptor)
      )
    }
    return try await self.withReservedStream(call, body)
  }

  /// Runs `body` with a stream on a place that was taken with ``reserveStream(until:)``.
  func withReservedStream<Result: Sendable>(
    _ call: ClientCall,
    _ body: (
      _ stream: RPCStream<TunnelClientTransport.Inbound, TunnelClientTransport.Outbound>,
      _ context: ClientContext
    ) async throws -> Result
  ) async throws -> Result {
    let stream = ClientStream(session: self, call: call)
    defer { stream.release() }
    return try await body(
      RPCStream(
        descriptor: call.descriptor,
        inbound: RPCAsyncSequence(wrapping: ClientStream.Inbound(stream: stream)),
        outbound: RPCWriter.Closable(wrapping: ClientStream.Outbound(stream: stream))
      ),
      self.clientContext(for: call.descriptor)
    )
  }

  @inline(never)  // Else what this takes stays in the task that runs the tunnel.
  func carrierOpened(peer: CarrierHeaders) {
    self.update { machine in
      machine.carrierOpened(peer: peer)
      return ((), .tunnel)
    }
  }

  @inline(never)  // Likewise.
  func startConnecting() {
    self.startConnecting { $0.startConnecting(now: $1) }
  }

  /// - Parameter start: When the peer began to open the tunnel, which its handshake timeout counts from.
  func startConnecting(since start: Duration) {
    self.startConnecting { machine, _ in machine.startConnecting(now: start) }
  }

  func beginDrain() {
    let now = self.clock.now()
    self.update { machine in
      machine.beginDrain(now: now)
      return ((), .tunnel)
    }
  }

  /// Takes a frame from the tunnel server.
  ///
  /// - Returns: What the loop that reads does next.
  @discardableResult
  func receive(_ frame: ServerFrame) -> Reading {
    let now = self.clock.now()
    let (_, next): (Void, Reading) = self.receive { machine in
      switch machine.receive(frame, now: now) {
      case .ignored: ((), .nothing)
      case .stream(let stream): ((), .stream(stream))
      case .tunnel, .fault: ((), .tunnel)
      }
    } check: { _, _ in
    }
    return next
  }
}
