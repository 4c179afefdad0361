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

public import GRPCCore

/// Lets the tunnels that a client dials know between which addresses they run.
///
/// A client's transport tells its peers to interceptors only. Without this one among the interceptors
/// of the `GRPCClient` that dials, ``TunnelInformation/remotePeer`` and
/// ``TunnelInformation/localPeer`` are empty at that end:
///
/// ```swift
/// let network = GRPCClient(transport: transport, interceptors: [TunnelPeerInterceptor()])
/// let client = GRPCClient(transport: .tunnel(over: network))
/// ```
///
/// It changes nothing, and looks at no other RPCs than those that carry tunnels.
public struct TunnelPeerInterceptor: ClientInterceptor {
  /// Creates an interceptor.
  public init() {}

  /// Takes note of the RPC's peers if it carries a tunnel; `GRPCClient` calls it.
  public func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>,
    context: ClientContext,
    next: (
      _ request: StreamingClientRequest<Input>,
      _ context: ClientContext
    ) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    if context.descriptor.isCarrier {
      DialledPeers.current?.set(remotePeer: context.remotePeer, localPeer: context.localPeer)
    }
    return try await next(request, context)
  }
}

/// The peers of a carrier that is being dialled in the current task.
final class DialledPeers: Sendable {
  @TaskLocal static var current: DialledPeers?

  private let names = LockedValue((remotePeer: "", localPeer: ""))

  func set(remotePeer: String, localPeer: String) {
    self.names.withLock { $0 = (remotePeer, localPeer) }
  }

  /// Empty where nobody tells.
  var value: (remotePeer: String, localPeer: String) {
    self.names.withLock { $0 }
  }
}
