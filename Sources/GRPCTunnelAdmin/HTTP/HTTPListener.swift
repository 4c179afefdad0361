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

internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
package import NIOSSL

/// A small server of HTTP/1.1, for the few who look after a router or an agent.
///
/// Connections, heads and bodies are bounded, and so is the time that a client may take to send a
/// request or to take an answer.
package final class HTTPListener: Sendable {
  package typealias Handler = @Sendable (HTTPRequest) async -> HTTPResponse

  typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

  /// How many connections may be open.
  package static let maximumConnectionCount = 64

  private let channel: NIOAsyncChannel<Connection, Never>

  /// The port that it listens on.
  package let port: Int

  private init(channel: NIOAsyncChannel<Connection, Never>) {
    self.channel = channel
    self.port = channel.channel.localAddress?.port ?? 0
  }

  /// Listens. Must be followed by ``run(_:)``.
  ///
  /// - Parameters:
  ///   - host: A name or an IP address.
  ///   - port: With 0 the system chooses one.
  ///   - tls: nil for connections that are not encrypted.
  package static func listen(
    host: String,
    port: Int,
    tls: NIOSSLContext? = nil
  ) async throws -> HTTPListener {
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .bind(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
          var limits = NIOHTTPDecoderLimitConfiguration()
          limits.maxHeaderFieldSize = 8 * 1024
          limits.maxHeaderListSize = 32 * 1024
          limits.maxHeaderFieldCount = 64
          try pipeline.configureHTTPServerPipeline(
            withErrorHandling: true,
            withEncoderConfiguration: HTTPResponseEncoder.Configuration(),
            withDecoderLimitConfiguration: limits
          )
          try pipeline.addHandler(HTTPDeadlines())
          return try Connection(wrappingChannelSynchronously: channel)
        }
      }
    return HTTPListener(channel: channel)
  }

  /// Answers requests until the task is cancelled, which closes all connections. Run it once.
  package func run(_ handler: @escaping Handler) async throws {
    let openCount = Counter()
    try await withThrowingDiscardingTaskGroup { group in
      try await self.channel.executeThenClose { connections in
        for try await connection in connections {
          let isWelcome = openCount.increment(upTo: Self.maximumConnectionCount)
          group.addTask {
            // A connection that fails is no matter to the others.
            if isWelcome {
              defer { openCount.decrement() }
              try? await HTTPConnection(handler: handler).serve(connection)
            } else {
              try? await connection.executeThenClose { _, _ in }
            }
          }
        }
      }
    }
  }
}
