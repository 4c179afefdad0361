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

internal import Foundation
internal import GRPCCore
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import SwiftProtobuf
internal import Testing

@Suite("Conformance: statuses (PROTOCOL.md 4)", .timeLimit(.minutes(5)))
struct StatusConformanceTests {
  @Test("every error code and message arrives", arguments: TestTunnel.allWithKinds)
  func codes(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for code in 1 ... 16 {
        let reply = try await client.call(
          ControlCall(kind, [.fail(code, "the réason")], metadata: ["echo-why": "because"])
        )
        #expect(reply.error?.code.rawValue == code)
        #expect(reply.error?.message == "the réason")
        #expect(reply.trailers.strings("trailing-why") == ["because"])
        #expect(reply.messages.isEmpty)
      }
    }
  }

  @Test("an error may follow messages", arguments: TestTunnel.all)
  func lateError(tunnel: TestTunnel) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for kind in [RPCKind.serverStreaming, .bidirectional] {
        let reply = try await client.call(
          ControlCall(
            kind,
            [.send(3, size: 20_000), .fail(9, "enough")],
            metadata: ["echo-why": "because"]
          )
        )
        #expect(reply.error?.code == .failedPrecondition)
        #expect(reply.error?.message == "enough")
        #expect(reply.metadata.strings("initial-why") == ["because"])
        #expect(reply.messages.map(\.count) == [20_000, 20_000, 20_000])
        #expect(reply.trailers.strings("trailing-why") == ["because"])
      }
    }
  }

  @Test("a rich error arrives with its details", arguments: TestTunnel.allWithKinds)
  func richErrors(tunnel: TestTunnel, kind: RPCKind) async throws {
    var status = WireStatus(code: 5, message: "no such thing")
    status.details = try [
      .packing(Google_Protobuf_StringValue("detail one")),
      .packing(Google_Protobuf_BytesValue(Data([0, 0xff, 0xfe]))),
    ]
    let bytes: [UInt8] = status.encoded()
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      var metadata = Metadata()
      metadata.addBinary(bytes, forKey: ControlKey.details)
      let reply = try await client.call(
        ControlCall(kind, [.fail(5, "no such thing")], metadata: metadata)
      )
      #expect(reply.error?.code == .notFound)
      #expect(reply.error?.message == "no such thing")
      #expect(reply.trailers.binaries("grpc-status-details-bin") == [bytes])
    }
  }

  @Test("another error of a handler is UNKNOWN", arguments: TestTunnel.allWithKinds)
  func otherErrors(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.failPlainly]))
      #expect(reply.error?.code == .unknown)
    }
  }

  @Test("an unknown method is UNIMPLEMENTED, whatever its kind", arguments: TestTunnel.all)
  func unknownMethods(tunnel: TestTunnel) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for service in [ControlService.name, "no.Service"] {
        let method = MethodDescriptor(fullyQualifiedService: service, method: "Missing")
        let code = try await client.bidirectionalStreaming(
          request: StreamingClientRequest<[UInt8]> { writer in
            try await writer.write([1, 2, 3])
          },
          descriptor: method,
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: .defaults
        ) { response in
          switch response.accepted {
          case .success: RPCError.Code?.none
          case .failure(let error): error.code
          }
        }
        #expect(code == .unimplemented)
      }
    }
  }
}

extension WireStatus.Detail {
  fileprivate static func packing(_ message: some SwiftProtobuf.Message) throws -> Self {
    let any = try Google_Protobuf_Any(message: message)
    return WireStatus.Detail(typeURL: any.typeURL, value: ArraySlice([UInt8](any.value)))
  }
}
