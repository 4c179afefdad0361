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
internal import Testing

@Suite("SanitizedServerTransport (PROTOCOL.md 4)", .timeLimit(.minutes(5)))
struct SanitizedServerTransportTests {
  @Test(
    "services see one valid timeout, or none",
    arguments: [
      ([], ""),
      (["5S"], "5000000u"),
      // Ends the process of a GRPCServer that is not protected.
      (["-5S"], ""),
      (["-5S", "5S"], "5000000u"),
      (["5S", "-5S"], ""),
      (["+5S"], ""),
      (["5"], ""),
      ([""], ""),
      (["123456789S"], ""),
      (["12345678m"], "12346S"),
      (["0n"], "1n"),
      (["99999999H"], "2562047H"),
    ] as [([String], String)]
  )
  func timeouts(sent: [String], seen: String) async throws {
    try await withGRPCServer(
      transport: .sanitizing(
        .http2NIOPosix(
          address: .ipv4(host: "127.0.0.1", port: 0),
          transportSecurity: .plaintext
        )
      ),
      services: [TimeoutService()]
    ) { server in
      let address = try #require(try await server.listeningAddress?.ipv4)
      try await withGRPCClient(
        transport: .http2NIOPosix(
          target: .ipv4(address: address.host, port: address.port),
          transportSecurity: .plaintext
        )
      ) { client in
        var metadata = Metadata()
        for value in sent {
          metadata.addString(value, forKey: "grpc-timeout")
        }
        let reply = try await client.unary(
          request: ClientRequest(message: "", metadata: metadata),
          descriptor: TimeoutService.method,
          serializer: TextCoder(),
          deserializer: TextCoder(),
          options: .defaults
        ) { try $0.message }
        #expect(reply == seen)
      }
    }
  }
}

/// Replies with the timeouts that it sees.
private struct TimeoutService: RegistrableRPCService {
  static let method = MethodDescriptor(fullyQualifiedService: "test.Timeout", method: "Get")

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: Self.method,
      deserializer: TextCoder(),
      serializer: TextCoder()
    ) { request, _ in
      let timeouts = request.metadata[stringValues: "grpc-timeout"].joined(separator: ",")
      return StreamingServerResponse { writer in
        try await writer.write(timeouts)
        return [:]
      }
    }
  }
}

private struct TextCoder: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes {
    Bytes(message.utf8)
  }

  func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> String {
    serializedMessageBytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
