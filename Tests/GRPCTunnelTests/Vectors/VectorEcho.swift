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

/// The service of the recordings, as `Tests/Vectors/README.md` describes it.
struct VectorEcho: RegistrableRPCService {
  enum Method: String {
    case unary = "Unary"
    case fail = "Fail"
    case down = "Down"
    case up = "Up"
    case bidi = "Bidi"

    var descriptor: MethodDescriptor {
      MethodDescriptor(fullyQualifiedService: "vectors.Echo", method: self.rawValue)
    }
  }

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(
      forMethod: Method.unary.descriptor,
      deserializer: BytesValueCoder(),
      serializer: BytesValueCoder()
    ) { request, _ in
      StreamingServerResponse(single: self.unary(try await ServerRequest(stream: request)))
    }
    router.registerHandler(
      forMethod: Method.fail.descriptor,
      deserializer: BytesValueCoder(),
      serializer: BytesValueCoder()
    ) { request, _ in
      _ = try await ServerRequest(stream: request)
      throw try self.error()
    }
    router.registerHandler(
      forMethod: Method.down.descriptor,
      deserializer: BytesValueCoder(),
      serializer: BytesValueCoder()
    ) { request, _ in
      let count = try await ServerRequest(stream: request).message.first ?? 0
      return StreamingServerResponse { writer in
        for number in 0 ..< count {
          try await writer.write([number])
        }
        return [:]
      }
    }
    router.registerHandler(
      forMethod: Method.up.descriptor,
      deserializer: BytesValueCoder(),
      serializer: BytesValueCoder()
    ) { request, _ in
      let total = try await request.messages.reduce(into: 0) { $0 += $1.count }
      let message = (0 ..< 8).reversed().map { UInt8(truncatingIfNeeded: total >> ($0 * 8)) }
      return StreamingServerResponse(single: ServerResponse(message: message))
    }
    router.registerHandler(
      forMethod: Method.bidi.descriptor,
      deserializer: BytesValueCoder(),
      serializer: BytesValueCoder()
    ) { request, _ in
      StreamingServerResponse { writer in
        for try await message in request.messages {
          try await writer.write(message)
        }
        return [:]
      }
    }
  }

  private func unary(_ request: ServerRequest<[UInt8]>) -> ServerResponse<[UInt8]> {
    var metadata: Metadata = ["x-handler": "unary"]
    for value in request.metadata[stringValues: "x-client"] {
      metadata.addString(value, forKey: "x-seen")
    }
    for value in request.metadata[binaryValues: "x-raw-bin"] {
      metadata.addBinary(value, forKey: "x-seen-bin")
    }
    return ServerResponse(
      message: request.message,
      metadata: metadata,
      trailingMetadata: ["x-trailer": "end"]
    )
  }

  private func error() throws -> RPCError {
    let details = try [
      Google_Protobuf_Any(message: Google_Protobuf_StringValue("detail one")),
      Google_Protobuf_Any(message: Google_Protobuf_Int64Value(42)),
    ]
    let message = "no such thing: é"
    let status = WireStatus(
      code: 5,
      message: message,
      details: details.map { WireStatus.Detail(typeURL: $0.typeURL, value: [UInt8]($0.value)[...]) }
    )
    var metadata: Metadata = ["x-trailer": "failed"]
    metadata.addBinary(status.encoded(), forKey: "grpc-status-details-bin")
    return RPCError(code: .notFound, message: message, metadata: metadata)
  }
}

/// The bytes in a `google.protobuf.BytesValue`.
struct BytesValueCoder: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes {
    let bytes: [UInt8] = try Google_Protobuf_BytesValue(Data(message)).serializedBytes()
    return Bytes(bytes)
  }

  func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> [UInt8] {
    let bytes = serializedMessageBytes.withUnsafeBytes { Array($0) }
    return [UInt8](try Google_Protobuf_BytesValue(serializedBytes: bytes).value)
  }
}
