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

package import GRPCCore
internal import GRPCTunnel

/// A request to a ``ControlService``.
package struct ControlCall: Sendable {
  package var kind: RPCKind
  package var orders: [ControlOrder]
  /// At the kinds with one request message: one.
  package var messages: [[UInt8]]
  package var metadata: Metadata
  package var options: CallOptions

  package init(
    _ kind: RPCKind,
    _ orders: [ControlOrder],
    messages: [[UInt8]] = [[]],
    metadata: Metadata = [:],
    options: CallOptions = .defaults
  ) {
    self.kind = kind
    self.orders = orders
    self.messages = messages
    self.metadata = metadata
    self.options = options
  }

  /// The metadata that is sent.
  package var requestMetadata: Metadata {
    var metadata = self.metadata
    for order in self.orders {
      metadata.addString(order.description, forKey: ControlKey.order)
    }
    return metadata
  }
}

/// What came back.
package struct ControlReply: Sendable {
  package var metadata: Metadata
  package var messages: [[UInt8]]
  package var trailers: Metadata
  /// The error with which the RPC ended; nil after OK.
  package var error: RPCError?
}

extension GRPCClient {
  /// Makes a call with the function of its kind, and collects what comes back.
  package func call(_ call: ControlCall) async throws -> ControlReply {
    do {
      switch call.kind {
      case .unary:
        return try await self.unary(
          request: ClientRequest(message: call.messages[0], metadata: call.requestMetadata),
          descriptor: call.kind.controlMethod,
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: call.options
        ) { ControlReply($0) }
      case .clientStreaming:
        return try await self.clientStreaming(
          request: call.streamingRequest,
          descriptor: call.kind.controlMethod,
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: call.options
        ) { ControlReply($0) }
      case .serverStreaming:
        return try await self.serverStreaming(
          request: ClientRequest(message: call.messages[0], metadata: call.requestMetadata),
          descriptor: call.kind.controlMethod,
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: call.options
        ) { await ControlReply($0) }
      case .bidirectional:
        return try await self.bidirectionalStreaming(
          request: call.streamingRequest,
          descriptor: call.kind.controlMethod,
          serializer: RawCoder(),
          deserializer: RawCoder(),
          options: call.options
        ) { await ControlReply($0) }
      }
    } catch let error as RPCError {
      return ControlReply(metadata: [:], messages: [], trailers: error.metadata, error: error)
    }
  }
}

extension ControlCall {
  fileprivate var streamingRequest: StreamingClientRequest<[UInt8]> {
    let messages = self.messages
    return StreamingClientRequest(metadata: self.requestMetadata) { writer in
      for message in messages {
        try await writer.write(message)
      }
    }
  }
}

extension ControlReply {
  fileprivate init(_ response: ClientResponse<[UInt8]>) {
    switch response.accepted {
    case .success(let contents):
      self.init(metadata: contents.metadata, messages: [], trailers: contents.trailingMetadata)
      switch contents.message {
      case .success(let message): self.messages = [message]
      case .failure(let error): self.error = error
      }
    case .failure(let error):
      self.init(metadata: [:], messages: [], trailers: error.metadata, error: error)
    }
  }

  fileprivate init(_ response: StreamingClientResponse<[UInt8]>) async {
    switch response.accepted {
    case .success(let contents):
      self.init(metadata: contents.metadata, messages: [], trailers: [:])
      do {
        for try await part in contents.bodyParts {
          switch part {
          case .message(let message): self.messages.append(message)
          case .trailingMetadata(let trailers): self.trailers = trailers
          }
        }
      } catch let error as RPCError {
        self.error = error
        self.trailers = error.metadata
      } catch {
        self.error = RPCError(code: .unknown, message: "\(error)", cause: error)
      }
    case .failure(let error):
      self.init(metadata: [:], messages: [], trailers: error.metadata, error: error)
    }
  }
}
