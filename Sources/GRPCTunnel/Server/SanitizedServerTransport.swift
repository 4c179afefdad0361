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
internal import GRPCTunnelProtocol

/// A server transport that keeps what clients send from stopping the server's process.
///
/// GRPCCore reads the header `grpc-timeout` of every RPC and traps when its value is negative, so
/// one request with `grpc-timeout: -5S` ends every `GRPCServer` on a transport that hands out
/// headers as they came, HTTP/2's among them. Wrap such a transport:
///
/// ```swift
/// let server = GRPCServer(
///   transport: .sanitizing(.http2NIOPosix(address: address, transportSecurity: .plaintext)),
///   services: [TunnelService(services: [Greeter()])]
/// )
/// ```
///
/// Services then see one valid timeout, the last if there were several, or none; a value that is
/// not one counts as no timeout. Everything else passes as it is.
public struct SanitizedServerTransport<Base: ServerTransport>: ServerTransport {
  /// The bytes of the wrapped transport.
  public typealias Bytes = Base.Bytes

  /// The transport that does the work.
  public let base: Base

  /// Wraps a transport, which must not be used in another way.
  public init(_ base: Base) {
    self.base = base
  }

  /// Tells the wrapped transport about the server.
  public func configure(context: GRPCServerContext) {
    self.base.configure(context: context)
  }

  /// Runs the wrapped transport, which says when this returns or throws.
  public func listen(
    streamHandler:
      @escaping @Sendable (
        _ stream: RPCStream<Inbound, Outbound>,
        _ context: ServerContext
      ) async -> Void
  ) async throws {
    try await self.base.listen { stream, context in
      let sanitized = RPCStream(
        descriptor: stream.descriptor,
        inbound: RPCAsyncSequence(wrapping: SanitizedRequest(base: stream.inbound)),
        outbound: stream.outbound
      )
      await streamHandler(sanitized, context)
    }
  }

  /// Shuts the wrapped transport down.
  public func beginGracefulShutdown() {
    self.base.beginGracefulShutdown()
  }
}

extension ServerTransport {
  /// Wraps a transport so that no timeout that a client sends can stop the server's process.
  ///
  /// - Parameter base: The transport that does the work.
  public static func sanitizing<Base: ServerTransport>(
    _ base: Base
  ) -> Self where Self == SanitizedServerTransport<Base> {
    SanitizedServerTransport(base)
  }
}

/// The parts of a request, with its metadata made safe.
private struct SanitizedRequest<Bytes: GRPCContiguousBytes & Sendable>: AsyncSequence, Sendable {
  typealias Element = RPCRequestPart<Bytes>
  typealias Failure = any Error

  let base: RPCAsyncSequence<Element, any Error>

  func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(base: self.base.makeAsyncIterator())
  }

  struct AsyncIterator: AsyncIteratorProtocol {
    var base: RPCAsyncSequence<Element, any Error>.AsyncIterator

    mutating func next() async throws -> Element? {
      try await self.next(isolation: nil)
    }

    mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(any Error) -> Element? {
      switch try await self.base.next(isolation: actor) {
      case .metadata(let metadata):
        return .metadata(metadata.withSafeTimeout())
      case .message(let message):
        return .message(message)
      case .none:
        return nil
      }
    }
  }
}

extension Metadata {
  /// The same with one timeout that every implementation understands, or without one.
  fileprivate func withSafeTimeout() -> Metadata {
    guard self[RPCTimeout.key].contains(where: { _ in true }) else { return self }
    var metadata = self
    metadata.removeAllValues(forKey: RPCTimeout.key)
    if let timeout = self.lastString(forKey: RPCTimeout.key).flatMap({ RPCTimeout.decode($0) }) {
      metadata.addString(RPCTimeout.encode(timeout), forKey: RPCTimeout.key)
    }
    return metadata
  }
}
