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
internal import GRPCTunnel

/// The client's end of a ``CarrierPair``.
package struct CarrierClientTransport: ClientTransport {
  package typealias Bytes = [UInt8]

  package let retryThrottle: RetryThrottle? = nil
  private let pair: CarrierPair
  private let openStreams = OpenStreams()

  init(pair: CarrierPair) {
    self.pair = pair
  }

  package func connect() async throws {
    try await self.openStreams.waitUntilNone()
  }

  package func beginGracefulShutdown() {
    self.openStreams.finish()
  }

  package func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    guard self.openStreams.start() else {
      throw RPCError(code: .failedPrecondition, message: "The client is shutting down.")
    }
    defer { self.openStreams.end() }

    let stream = try await self.pair.open(descriptor)
    defer {
      stream.clientReturned()
      self.pair.close(stream)
    }
    return try await withTaskCancellationHandler {
      try await closure(
        RPCStream(
          descriptor: descriptor,
          inbound: RPCAsyncSequence(wrapping: CarrierPipe.Elements(pipe: stream.response)),
          outbound: RPCWriter.Closable(wrapping: CarrierStream.ClientWriter(stream: stream))
        ),
        ClientContext(descriptor: descriptor, remotePeer: "server", localPeer: "client")
      )
    } onCancel: {
      stream.clientReturned()
    }
  }

  package func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    nil
  }
}
