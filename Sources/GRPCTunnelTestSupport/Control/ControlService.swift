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

/// A service that does as the request says: its orders stand in the metadata `control-order`.
///
/// - Response metadata: `initial-` and the key for each request metadata that begins with `echo-`,
///   with the same values.
/// - Trailers: the same with `trailing-`.
/// - When the RPC's cancellation handle fires, the event that the metadata `control-cancelled` names
///   happens.
/// - An error has the value of the metadata `control-details-bin` in `grpc-status-details-bin`.
package struct ControlService: RegistrableRPCService {
  package static let name = "control.Control"

  private let events: ControlEvents

  package init(events: ControlEvents) {
    self.events = events
  }

  package func registerMethods<Transport: ServerTransport>(
    with router: inout RPCRouter<Transport>
  ) {
    for kind in RPCKind.allCases {
      router.registerHandler(
        forMethod: kind.controlMethod,
        deserializer: RawCoder(),
        serializer: RawCoder()
      ) { request, context in
        try await self.handle(request, context, kind: kind)
      }
    }
  }

  private func handle(
    _ request: StreamingServerRequest<[UInt8]>,
    _ context: ServerContext,
    kind: RPCKind
  ) async throws -> StreamingServerResponse<[UInt8]> {
    let run = try ControlRun(request.metadata, context.cancellation, self.events)
    switch kind {
    case .unary, .serverStreaming:
      // As generated code does: there must be one message.
      let message = try await ServerRequest(stream: request).message
      let messages = AsyncThrowingStream<[UInt8], any Error> { continuation in
        continuation.yield(message)
        continuation.finish()
      }
      return try await self.respond(to: RPCAsyncSequence(wrapping: messages), run, kind)
    case .clientStreaming, .bidirectional:
      return try await self.respond(to: request.messages, run, kind)
    }
  }

  private func respond(
    to messages: RPCAsyncSequence<[UInt8], any Error>,
    _ run: ControlRun,
    _ kind: RPCKind
  ) async throws -> StreamingServerResponse<[UInt8]> {
    switch kind {
    case .unary, .clientStreaming:
      // One message, and nothing before the handler is done.
      let responses = LockedValue<[[UInt8]]>([])
      try await run.execute(reading: messages) { message in
        responses.withLock { $0.append(message) }
      }
      return StreamingServerResponse(
        single: ServerResponse(
          message: responses.withLock { $0.first } ?? [],
          metadata: run.initialMetadata,
          trailingMetadata: run.trailingMetadata
        )
      )
    case .serverStreaming, .bidirectional:
      if run.failsAtOnce { try await run.execute(reading: messages) { _ in } }
      return StreamingServerResponse(metadata: run.initialMetadata) { writer in
        try await run.execute(reading: messages) { message in
          try await writer.write(message)
        }
        return run.trailingMetadata
      }
    }
  }
}
