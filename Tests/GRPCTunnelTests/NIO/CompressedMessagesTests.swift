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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelNIO
internal import GRPCTunnelTestSupport
internal import NIOCore
internal import Testing

/// A message that is cut short would occupy the event loop of its connection for ever.
@Suite("Compressed messages over HTTP/2", .timeLimit(.minutes(5)))
struct CompressedMessagesTests {
  /// Runs a server, and a client with one connection to it.
  private static func run(
    tampering: MessageTampering.Side?,
    _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Void
  ) async throws {
    try await withGRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: 0),
        transportSecurity: .plaintext,
        config: .tunnelDefaults { config in
          if tampering == .server {
            config.channelDebuggingCallbacks.onAcceptHTTP2Stream = MessageTampering.add
          }
          config.takeCompressedMessages()
        }
      ),
      services: [ControlService(events: ControlEvents())]
    ) { server in
      let address = try #require(try await server.listeningAddress?.ipv4)
      try await withGRPCClient(
        transport: .http2NIOPosix(
          target: .ipv4(address: address.host, port: address.port),
          transportSecurity: .plaintext,
          config: .tunnelDefaults { config in
            if tampering == .client {
              config.channelDebuggingCallbacks.onCreateHTTP2Stream = MessageTampering.add
            }
            config.takeCompressedMessages(maximumMessageSize: 4 * 1024 * 1024)
          }
        )
      ) { client in
        try await body(client)
      }
    }
  }

  @Test(
    "that are cut short fail their RPC, and no other on the connection",
    arguments: MessageTampering.Side.allCases
  )
  func cutShort(side: MessageTampering.Side) async throws {
    try await Self.run(tampering: side) { client in
      for _ in 0 ..< 2 {
        let tampered = ControlCall(
          .unary,
          [.echo],
          messages: [[1, 2, 3]],
          // The server's side sees what it sends itself.
          metadata: ["echo-\(MessageTampering.mark)": "on", MessageTampering.mark: "on"]
        )
        // Which error is the transport's own affair: its server resets the stream.
        #expect(try await client.call(tampered).error != nil)
        let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[4, 5]]))
        #expect(reply.messages == [[4, 5]])
        #expect(reply.error == nil)
      }
    }
  }

  @Test("that are whole arrive", arguments: [CompressionAlgorithm.gzip, .deflate])
  func whole(compression: CompressionAlgorithm) async throws {
    try await Self.run(tampering: nil) { client in
      let messages = [[UInt8](pattern: 100_000), [], [7], [UInt8](pattern: 300_000)]
      let call = ControlCall(
        .bidirectional,
        [.echo],
        messages: messages,
        options: .defaults { $0.compression = compression }
      )
      let reply = try await client.call(call)
      #expect(reply.messages == messages)
      #expect(reply.error == nil)
    }
  }
}
