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
internal import GRPCProtobuf
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: rich errors", .timeLimit(.minutes(5)))
struct RichErrorConformanceTests {
  private static let status = GoogleRPCStatus(
    code: .resourceExhausted,
    message: "too many résumés",
    details: [
      .errorInfo(.init(reason: "QUOTA", domain: "example.com", metadata: ["limit": "5"])),
      .retryInfo(.init(delay: .seconds(3))),
      .localizedMessage(.init(locale: "de", message: "Zu viele Lebensläufe")),
    ]
  )

  private static func expect(_ error: RPCError?) throws {
    let error = try #require(error)
    #expect(error.code == Self.status.code)
    #expect(error.message == Self.status.message)
    #expect(try error.unpackGoogleRPCStatus() == Self.status)
  }

  // PROTOCOL.md 4: rich errors, between both our ends.
  @Test(
    "a GoogleRPCStatus that a handler throws arrives as such",
    arguments: TestTunnel.allWithKinds
  )
  func thrown(tunnel: TestTunnel, kind: RPCKind) async throws {
    var tunnel = tunnel
    tunnel.serverInterceptors = [ThrowingInterceptor(error: Self.status)]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      try Self.expect(try await client.call(ControlCall(kind, [.echo])).error)
    }
  }

  @Test("and so it does behind messages", arguments: TestTunnel.allWithKinds)
  func thrownLate(tunnel: TestTunnel, kind: RPCKind) async throws {
    var tunnel = tunnel
    tunnel.serverInterceptors = [ThrowingInterceptor(isLate: true, error: Self.status)]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo], messages: [[7]]))
      try Self.expect(reply.error)
      switch kind {
      case .unary, .clientStreaming: ()
      case .serverStreaming, .bidirectional: #expect(reply.messages == [[7]])
      }
    }
  }

  @Test("an error that says how it shows is that RPC's status", arguments: TestTunnel.allWithKinds)
  func convertible(tunnel: TestTunnel, kind: RPCKind) async throws {
    struct Refusal: RPCErrorConvertible, Error {
      var rpcErrorCode: RPCError.Code { .alreadyExists }
      var rpcErrorMessage: String { "there is one" }
      var rpcErrorMetadata: Metadata { ["which": "that one"] }
    }
    var tunnel = tunnel
    tunnel.serverInterceptors = [ThrowingInterceptor(error: Refusal())]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo]))
      #expect(reply.error?.code == .alreadyExists)
      #expect(reply.error?.message == "there is one")
      #expect(reply.trailers.strings("which") == ["that one"])
    }
  }

  @Test("a failing RPC harms no other of its tunnel", arguments: TestTunnel.all)
  func others(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      async let other = client.call(
        ControlCall(
          .bidirectional,
          [.echoOne, .wait("the others failed"), .echo],
          messages: [[1], [2]]
        )
      )
      for kind in RPCKind.allCases {
        for order in [ControlOrder.failPlainly, .fail(13, "broken"), .fail(3, "")] {
          let reply = try await client.call(ControlCall(kind, [order]))
          #expect(reply.error != nil)
        }
      }
      events.happen("the others failed")
      #expect(try await other.messages == [[1], [2]])
    }
  }
}
