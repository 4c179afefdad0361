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

/// The server transport of one forward tunnel that a network client has opened: runs services on it
/// for as long as its carrier lives.
struct AcceptedTunnelTransport: ServerTransport {
  typealias Bytes = TunnelMessageBytes

  let session: ServerSession
  let inbound: RPCAsyncSequence<ClientFrame, any Error>
  let outbound: RPCWriter<ServerFrame>

  func listen(
    streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    try await self.session.session.runAccepted(
      inbound: self.inbound,
      outbound: self.outbound,
      onExpiry: { self.session.cancelHandlersIfAborted($0) },
      read: { await self.session.readFrames(from: $0, handler: streamHandler) }
    )
  }

  func beginGracefulShutdown() {
    self.session.beginDrain(isShutdown: true)
  }
}
