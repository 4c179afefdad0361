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

/// The server's end of a ``CarrierPair``.
package struct CarrierServerTransport: ServerTransport {
  package typealias Bytes = [UInt8]

  private let pair: CarrierPair
  private let cancellations: CarrierCancellations

  init(pair: CarrierPair, cancellations: CarrierCancellations) {
    self.pair = pair
    self.cancellations = cancellations
  }

  package func listen(
    streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      while let stream = try await self.pair.accept() {
        group.addTask {
          await self.run(stream, streamHandler)
        }
      }
    }
  }

  private func run(
    _ stream: CarrierStream,
    _ handler:
      @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async {
    await withServerContextRPCCancellationHandle { cancellation in
      stream.setCancellation(cancellation)
      self.cancellations.add(cancellation, of: stream)
      defer { self.cancellations.remove(stream) }
      await handler(
        RPCStream(
          descriptor: stream.descriptor,
          inbound: RPCAsyncSequence(wrapping: CarrierPipe.Elements(pipe: stream.request)),
          outbound: RPCWriter.Closable(wrapping: CarrierStream.ServerWriter(stream: stream))
        ),
        ServerContext(
          descriptor: stream.descriptor,
          remotePeer: "client",
          localPeer: "server",
          cancellation: cancellation
        )
      )
    }
    stream.serverReturned()
  }

  package func beginGracefulShutdown() {
    self.pair.refuseFurther()
    self.cancellations.fireAll()
  }
}
