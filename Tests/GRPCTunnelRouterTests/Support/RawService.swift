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

/// A service whose messages are bytes that it does not look into, except for what each method says.
struct RawService: RegistrableRPCService {
  /// Sends back each request, at once; metadata named `text` or with binary values comes back as
  /// initial and trailing metadata.
  static let echo = method("Echo")
  /// Sends as many replies as there were requests, once all have come.
  static let count = method("Count")
  /// Fails with a status that has metadata.
  static let fail = method("Fail")
  /// Replies with the metadata that came: a message `KEY=VALUE` for each pair.
  static let headers = method("Headers")
  /// Waits until it is cancelled.
  static let wait = method("Wait")

  /// The detail of the status of ``fail``: an Any with the type URL "a".
  static let detail: [UInt8] = [0x1a, 3, 0x0a, 1, UInt8(ascii: "a")]

  private static func method(_ name: String) -> MethodDescriptor {
    MethodDescriptor(fullyQualifiedService: "test.Raw", method: name)
  }

  /// What happens to RPCs of ``wait``: "started TIMEOUT" and "cancelled".
  let events: AsyncStream<String>
  private let continuation: AsyncStream<String>.Continuation

  init() {
    (self.events, self.continuation) = AsyncStream.makeStream(of: String.self)
  }

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    self.register(Self.echo, with: &router) { request, _ in
      // HTTP/2's own headers are among the metadata, and must not be sent back.
      let metadata = Metadata(
        request.metadata.filter { $0.key == "text" || $0.key.hasSuffix("-bin") }
      )
      return StreamingServerResponse(metadata: metadata) { writer in
        for try await message in request.messages {
          try await writer.write(message)
        }
        return metadata
      }
    }
    self.register(Self.count, with: &router) { request, _ in
      StreamingServerResponse { writer in
        let count = try await request.messages.reduce(0) { count, _ in count + 1 }
        for _ in 0 ..< count {
          try await writer.write([UInt8(truncatingIfNeeded: count)])
        }
        return [:]
      }
    }
    self.register(Self.fail, with: &router) { _, _ in
      throw RPCError(
        code: .failedPrecondition,
        message: "100% schön",
        metadata: [
          "grpc-status-details-bin": .binary([8, 9] + Self.detail),
          "raw-bin": .binary([0xff]),
        ]
      )
    }
    self.register(Self.headers, with: &router) { request, _ in
      let pairs = request.metadata.map { Array("\($0.key)=\($0.value.encoded())".utf8) }
      return StreamingServerResponse { writer in
        try await writer.write(contentsOf: pairs)
        return [:]
      }
    }
    self.register(Self.wait, with: &router) { request, context in
      let timeout = request.metadata[stringValues: "grpc-timeout"].joined(separator: ",")
      self.continuation.yield("started \(timeout)")
      try await context.cancellation.cancelled
      self.continuation.yield("cancelled")
      throw RPCError(code: .aborted, message: "The service was cancelled.")
    }
  }

  private func register<Transport: ServerTransport>(
    _ method: MethodDescriptor,
    with router: inout RPCRouter<Transport>,
    _ handler:
      @escaping @Sendable (
        _ request: StreamingServerRequest<[UInt8]>,
        _ context: ServerContext
      ) async throws -> StreamingServerResponse<[UInt8]>
  ) {
    router.registerHandler(
      forMethod: method,
      deserializer: RawCoder(),
      serializer: RawCoder(),
      handler: handler
    )
  }
}

/// Messages that are bytes.
struct RawCoder: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes {
    Bytes(message)
  }

  func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> [UInt8] {
    serializedMessageBytes.withUnsafeBytes { Array($0) }
  }
}
