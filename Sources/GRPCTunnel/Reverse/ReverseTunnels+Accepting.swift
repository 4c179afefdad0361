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

extension ReverseTunnels {
  /// Decides whether a tunnel is taken, and under which key.
  ///
  /// - Parameter cancellation: The carrier's: fires when the client gives up or the server shuts down.
  func accept(
    _ request: TunnelRequest,
    _ cancellation: ServerContext.RPCCancellationHandle
  ) async throws -> AcceptedReverseTunnel {
    let start = self.clock.now()
    let place: TunnelQuota<Key>.Place
    let key: Key
    do {
      if let refusal = self.refusal { throw refusal }
      place = try self.quota.take()
      key = try await self.key(
        of: request,
        deadline: start + self.config.timeouts.handshake,
        cancellation
      )
      try place.count(
        as: key,
        replacesAnother: self.replacements.hasTunnel(forKey: key, request.metadata)
      )
    } catch {
      self.observer.refused(request, error)
      throw error
    }
    let session = ClientSession(
      configuration: TunnelConfiguration(self.config),
      origin: request.origin(direction: .reverse),
      observer: self.observer,
      key: "\(key)",
      clock: self.clock,
      budget: self.budget
    )
    let tunnel = ReverseTunnel(session: session)
    let peer = CarrierHeaders(request.metadata)
    let entry = TunnelReplacements.Entry(session, key: key, request.metadata)
    let age = TunnelAge(self.config.limits, random: .random(in: 0 ..< 1), clock: self.clock)
    return AcceptedReverseTunnel(age: age) {
      session.beginDrain()
    } run: { inbound, outbound in
      defer { place.giveBack() }
      let isOfferedAtOnce = self.hooks.onOpen == nil
      self.registry.add(tunnel, key: key, isOffered: isOfferedAtOnce)
      try await self.hooks.run(tunnel, key: key) {
        self.registry.offer(tunnel.id)
        if let entry { self.replacements.opened(entry) }
      } _: {
        session.startConnecting(since: start)
        session.carrierOpened(peer: peer)
        try await session.runAccepted(
          inbound: inbound,
          outbound: outbound,
          onExpiry: { _ in },
          note: { lifetime in
            guard let entry else { return }
            // What is replaced takes no more RPCs: not before this one does.
            if lifetime.information != nil, isOfferedAtOnce { self.replacements.opened(entry) }
            if lifetime.end != nil { self.replacements.closed(entry) }
          },
          read: { inbound in
            await session.readFrames(from: inbound) { session.receive($0) }
          }
        )
      }
    }
  }

  private func key(
    of request: TunnelRequest,
    deadline: Duration,
    _ cancellation: ServerContext.RPCCancellationHandle
  ) async throws -> Key {
    let timeout = self.config.timeouts.handshake
    return try await withThrowingTaskGroup(of: Key.self) { group in
      group.addTask { try await self.key(request) }
      group.addTask {
        try await self.clock.sleep(deadline)
        throw RPCError(
          code: .unavailable,
          message: "The server did not decide within \(timeout) whether it takes the tunnel."
        )
      }
      group.addTask {
        try await cancellation.cancelled
        throw RPCError(
          code: .unavailable,
          message: "The tunnel's client gave up, or its server is shutting down."
        )
      }
      defer { group.cancelAll() }
      // There is one, of three.
      guard let key = try await group.next() else { throw CancellationError() }
      return key
    }
  }
}
