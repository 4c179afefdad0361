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

/// A server that reverse tunnels are dialled to.
struct TunnelEndpoint: Sendable {
  /// Runs a tunnel on a carrier of its own, until it has ended and its handlers have returned.
  typealias Dial =
    @Sendable (
      _ session: ServerSession,
      _ metadata: Metadata,
      _ handler: @escaping ServerSession.StreamHandler,
      _ note: @escaping @Sendable (TunnelLifetime) -> Void
    ) async -> Void

  /// Tells endpoints of one transport apart.
  var id: Int

  /// Names the endpoint for people.
  var name: String

  /// Names this end to the server, so that it knows which tunnel another one replaces. Each endpoint
  /// has its own: two of them may turn out to be the same server.
  var instance: String

  var dial: Dial

  init(id: Int, name: String, over client: CarrierClient<some ClientTransport>) {
    var generator = SystemRandomNumberGenerator()
    self.id = id
    self.name = name
    self.instance = TunnelIdentity.makeInstance(using: &generator)
    self.dial = { session, metadata, handler, note in
      await session.runDialled(over: client, metadata: metadata, handler: handler, note: note)
    }
  }
}

/// Where the endpoints of a transport come from.
struct TunnelEndpointSource: Sendable {
  /// Calls `update` with every set of endpoints, and returns after the last one.
  var follow: @Sendable (_ update: ([TunnelEndpoint]) -> Void) async throws -> Void

  /// One endpoint for ever.
  init(over client: GRPCClient<some ClientTransport>) {
    self.follow = { update in
      update([TunnelEndpoint(id: 0, name: "", over: .shared(client))])
    }
  }

  /// Endpoints that come and go, with a client for each tunnel.
  init<Endpoint: Hashable & Sendable, Endpoints: AsyncSequence & Sendable>(
    _ endpoints: Endpoints,
    makeClient: @escaping @Sendable (Endpoint) async throws -> GRPCClient<some ClientTransport>
  ) where Endpoints.Element == Set<Endpoint> {
    self.follow = { update in
      var known: [Endpoint: TunnelEndpoint] = [:]
      var count = 0
      for try await set in endpoints {
        known = known.filter { set.contains($0.key) }
        for endpoint in set where known[endpoint] == nil {
          known[endpoint] = TunnelEndpoint(
            id: count,
            name: "\(endpoint)",
            over: .own { try await makeClient(endpoint) }
          )
          count += 1
        }
        update(Array(known.values))
      }
    }
  }
}
