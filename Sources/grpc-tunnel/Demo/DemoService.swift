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

/// A small service of all four kinds of RPC whose messages are plain text.
struct DemoService: RegistrableRPCService {
  static let greet = MethodDescriptor(
    fullyQualifiedService: "demo.Shop",
    method: "Greet",
    type: .unary
  )
  static let count = MethodDescriptor(
    fullyQualifiedService: "demo.Shop",
    method: "Count",
    type: .clientStreaming
  )
  static let list = MethodDescriptor(
    fullyQualifiedService: "demo.Shop",
    method: "List",
    type: .serverStreaming
  )
  static let chat = MethodDescriptor(
    fullyQualifiedService: "demo.Shop",
    method: "Chat",
    type: .bidirectionalStreaming
  )

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    self.register(Self.greet, with: &router) { requests, writer in
      for try await name in requests {
        guard name != "nobody" else {
          throw RPCError(
            code: .notFound,
            message: "Nobody is here.",
            metadata: ["demo-hint": "try somebody", "demo-hint-bin": .binary([0xff, 0x00])]
          )
        }
        try await writer.write("Hello, \(name)!")
      }
    }
    self.register(Self.count, with: &router) { requests, writer in
      var count = 0
      var bytes = 0
      for try await text in requests {
        count += 1
        bytes += text.utf8.count
      }
      try await writer.write("\(count) messages of \(bytes) bytes")
    }
    self.register(Self.list, with: &router) { requests, writer in
      for try await items in requests {
        for item in items.split(separator: " ") {
          try await writer.write(String(item))
        }
      }
    }
    self.register(Self.chat, with: &router) { requests, writer in
      for try await text in requests {
        try await writer.write(text.uppercased())
      }
    }
  }

  private func register<Transport: ServerTransport>(
    _ method: MethodDescriptor,
    with router: inout RPCRouter<Transport>,
    _ serve:
      @escaping @Sendable (RPCAsyncSequence<String, any Error>, RPCWriter<String>) async throws ->
      Void
  ) {
    router.registerHandler(
      forMethod: method,
      deserializer: TextCoder(),
      serializer: TextCoder()
    ) { request, _ in
      StreamingServerResponse(metadata: ["demo-method": "\(method.method)"]) { writer in
        try await serve(request.messages, writer)
        return ["demo-trailer": "done"]
      }
    }
  }
}

/// Messages that are text.
struct TextCoder: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes {
    Bytes(message.utf8)
  }

  func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> String {
    serializedMessageBytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
