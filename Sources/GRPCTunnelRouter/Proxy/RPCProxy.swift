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

package import GRPCCore
package import GRPCTunnel
internal import GRPCTunnelProtocol

/// Forwards RPCs from a server transport to a client transport, of whatever method and kind,
/// without looking into their messages.
///
/// Requests and responses flow at the same time and at the pace of the slower end. Whatever ends an
/// RPC (the other side's status, the caller's cancellation, the deadline, a fault of either side)
/// ends it on both sides, and the caller gets exactly one status.
package struct RPCProxy<Upstream: ClientTransport>: Sendable {
  /// Chooses where an RPC goes, or refuses it.
  package typealias Route =
    @Sendable (_ head: inout RPCRequestHead) throws(RPCError) -> RPCDestination<Upstream>

  private let route: Route
  private let config: RPCProxyConfig
  private let clock: TunnelClock

  package init(config: RPCProxyConfig, clock: TunnelClock = .continuous, route: @escaping Route) {
    self.route = route
    self.config = config
    self.clock = clock
  }

  /// Forwards one RPC: a server transport's stream handler. Returns when the RPC has ended on both
  /// sides.
  ///
  /// - Parameter isDraining: Whether the server transport shuts down gracefully.
  package func forward<Bytes: GRPCContiguousBytes & Sendable>(
    _ stream: RPCStream<
      RPCAsyncSequence<RPCRequestPart<Bytes>, any Error>,
      RPCWriter<RPCResponsePart<Bytes>>.Closable
    >,
    _ context: ServerContext,
    isDraining: @escaping @Sendable () -> Bool = { false }
  ) async {
    let ending = await self.ending(of: stream, context, isDraining)
    // A caller that is gone cannot be told; nothing else is left to do then.
    try? await stream.outbound.write(.status(ending.status, ending.trailers))
    await stream.outbound.finish()
  }

  private enum Event: Sendable {
    case ended(RPCEnding)
    case cancelledByCaller
    case deadlinePassed
    case revoked(RPCError)
    case nothing
  }

  private func ending<Bytes: GRPCContiguousBytes & Sendable>(
    of stream: RPCStream<
      RPCAsyncSequence<RPCRequestPart<Bytes>, any Error>,
      RPCWriter<RPCResponsePart<Bytes>>.Closable
    >,
    _ context: ServerContext,
    _ isDraining: @escaping @Sendable () -> Bool
  ) async -> RPCEnding {
    let start = self.clock.now()
    let requests = RequestReader(stream.inbound)
    guard let received = await requests.readMetadata() else { return .cancelled }

    let timeout = received.lastString(forKey: RPCTimeout.key).flatMap { RPCTimeout.decode($0) }
    var head = RPCRequestHead(
      descriptor: stream.descriptor,
      metadata: received.forwardable(isCarrier: stream.descriptor.isCarrier),
      authority: received.lastString(forKey: ":authority") ?? "",
      context: context
    )
    let destination: RPCDestination<Upstream>
    do throws(RPCError) {
      destination = try self.route(&head)
    } catch {
      return RPCEnding(error)
    }
    defer { destination.permit?.giveBack() }
    let exchange = RPCExchange(
      descriptor: stream.descriptor,
      metadata: head.metadata,
      deadline: timeout.map { start + $0 },
      requests: requests,
      responses: stream.outbound,
      destination: destination,
      config: self.config,
      clock: self.clock
    )
    return await withTaskGroup(of: Event.self) { group in
      group.addTask { .ended(await exchange.run()) }
      group.addTask { await self.cancellation(of: context, stream.outbound, isDraining) }
      if let deadline = exchange.deadline {
        group.addTask { await self.passing(of: deadline) }
      }
      if let permit = destination.permit {
        group.addTask { await permit.revocation().map { .revoked($0) } ?? .nothing }
      }
      // The first to come tells how the RPC ends; everything else is stopped and waited for.
      var ending: RPCEnding?
      for await event in group {
        let latest: RPCEnding
        switch event {
        case .ended(let ending): latest = ending
        case .cancelledByCaller: latest = .cancelled
        case .deadlinePassed: latest = .deadlineExceeded
        case .revoked(let error): latest = RPCEnding(error)
        case .nothing: continue
        }
        ending = ending ?? latest
        group.cancelAll()
      }
      return ending ?? .cancelled
    }
  }

  private func cancellation<Bytes: GRPCContiguousBytes & Sendable>(
    of context: ServerContext,
    _ responses: RPCWriter<RPCResponsePart<Bytes>>.Closable,
    _ isDraining: () -> Bool
  ) async -> Event {
    do {
      try await context.cancellation.cancelled
    } catch {
      return .nothing
    }
    // A server that shuts down gracefully says so in the same way, and then the RPC goes on. The
    // handle has no more to say, and a caller that has sent all its requests is not read any more:
    // so the stream is asked, now and then, whether it still takes anything.
    while isDraining() {
      do {
        try await responses.write(contentsOf: EmptyCollection())
      } catch {
        break
      }
      do {
        try await self.clock.sleep(self.clock.now() + .seconds(1))
      } catch {
        return .nothing
      }
    }
    return Task.isCancelled ? .nothing : .cancelledByCaller
  }

  private func passing(of deadline: Duration) async -> Event {
    do {
      try await self.clock.sleep(deadline)
    } catch {
      return .nothing
    }
    return .deadlinePassed
  }
}
