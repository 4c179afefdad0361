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

/// Calls ``DemoService`` through a client, whatever its transport.
struct DemoCaller<Transport: ClientTransport>: Sendable {
  let client: GRPCClient<Transport>
  let metadata: Metadata

  /// A reply of an RPC, with what came around it.
  struct Reply: Equatable, Sendable {
    var texts: [String]
    var method: [String]
    var trailer: [String]
  }

  /// A status other than OK, with what came with it.
  struct Refusal: Equatable, Sendable {
    var code: RPCError.Code?
    var message: String
    var hint: [String] = []
    var binaryHint: [[UInt8]] = []
  }

  /// Makes an RPC of any kind: sends the texts, and collects the replies.
  func call(_ method: MethodDescriptor, _ texts: [String]) async throws -> Reply {
    try await self.client.bidirectionalStreaming(
      request: StreamingClientRequest(metadata: self.metadata) { writer in
        for text in texts {
          try await writer.write(text)
        }
      },
      descriptor: method,
      serializer: TextCoder(),
      deserializer: TextCoder(),
      options: self.options
    ) { response in
      let contents = try response.accepted.get()
      var reply = Reply(
        texts: [],
        method: Array(contents.metadata[stringValues: "demo-method"]),
        trailer: []
      )
      for try await part in contents.bodyParts {
        switch part {
        case .message(let text):
          reply.texts.append(text)
        case .trailingMetadata(let metadata):
          reply.trailer = Array(metadata[stringValues: "demo-trailer"])
        }
      }
      return reply
    }
  }

  /// Sends one text after the reply to the one before has come.
  func converse(_ texts: [String]) async throws -> [String] {
    let (replies, continuation) = AsyncStream.makeStream(of: String.self)
    return try await self.client.bidirectionalStreaming(
      request: StreamingClientRequest(metadata: self.metadata) { writer in
        var turns = replies.makeAsyncIterator()
        for text in texts {
          try await writer.write(text)
          _ = await turns.next()
        }
      },
      descriptor: DemoService.chat,
      serializer: TextCoder(),
      deserializer: TextCoder(),
      options: self.options
    ) { response in
      var texts: [String] = []
      for try await text in response.messages {
        texts.append(text)
        continuation.yield(text)
      }
      return texts
    }
  }

  /// Makes an RPC that is to fail.
  func refusal(of method: MethodDescriptor, _ texts: [String]) async throws -> Refusal {
    do {
      let reply = try await self.call(method, texts)
      return Refusal(code: nil, message: "\(reply.texts)")
    } catch let error as RPCError {
      return Refusal(
        code: error.code,
        message: error.message,
        hint: Array(error.metadata[stringValues: "demo-hint"]),
        binaryHint: Array(error.metadata[binaryValues: "demo-hint-bin"])
      )
    }
  }

  /// No call may hang.
  private var options: CallOptions {
    var options = CallOptions.defaults
    options.timeout = .seconds(9)
    return options
  }
}
