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

/// What is called in every mode: directly, and through tunnels.
package struct BenchmarkService: RegistrableRPCService {
  private let dial: @Sendable ([UInt8]) throws -> Void

  /// - Parameter dial: Called with the order when the server is to open reverse tunnels.
  package init(dial: @escaping @Sendable (_ order: [UInt8]) throws -> Void = { _ in }) {
    self.dial = dial
  }

  package func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>)
  {
    self.registerUnary(BenchmarkMethods.unary, with: &router) { $0 }
    self.registerUnary(BenchmarkMethods.usage, with: &router) { request in
      if !request.isEmpty { ProcessUsage.trim() }
      return ProcessUsage.now().bytes
    }
    self.registerUnary(BenchmarkMethods.dial, with: &router) { request in
      try self.dial(request)
      return []
    }
    self.register(BenchmarkMethods.echo, with: &router) { request in
      StreamingServerResponse { writer in
        for try await message in request.messages {
          try await writer.write(message)
        }
        return [:]
      }
    }
    self.register(BenchmarkMethods.hold, with: &router) { request in
      StreamingServerResponse { _ in
        for try await _ in request.messages {}
        return [:]
      }
    }
    self.register(BenchmarkMethods.download, with: &router) { request in
      let order = try DownloadOrder(bytes: try await ServerRequest(stream: request).message)
      return StreamingServerResponse { writer in
        try await Self.send(order, to: writer)
        return [:]
      }
    }
  }

  private static func send(_ order: DownloadOrder, to writer: RPCWriter<[UInt8]>) async throws {
    let end = MonotonicTime.now().advanced(by: order.duration)
    var messages = StampedMessages(size: order.messageSize)
    // The clock is not asked for each small message.
    let batch = max(1, 4096 / max(1, order.messageSize))
    repeat {
      for _ in 0 ..< batch {
        try await writer.write(messages.next())
      }
    } while MonotonicTime.now() < end
  }

  /// As generated code does it: one message in, one out.
  private func registerUnary<Transport: ServerTransport>(
    _ method: MethodDescriptor,
    with router: inout RPCRouter<Transport>,
    _ answer: @escaping @Sendable ([UInt8]) throws -> [UInt8]
  ) {
    self.register(method, with: &router) { request in
      let request = try await ServerRequest(stream: request)
      return StreamingServerResponse(single: ServerResponse(message: try answer(request.message)))
    }
  }

  private func register<Transport: ServerTransport>(
    _ method: MethodDescriptor,
    with router: inout RPCRouter<Transport>,
    _ handler:
      @escaping @Sendable (
        StreamingServerRequest<[UInt8]>
      ) async throws -> StreamingServerResponse<[UInt8]>
  ) {
    router.registerHandler(
      forMethod: method,
      deserializer: RawCoder(),
      serializer: RawCoder()
    ) { request, _ in
      try await handler(request)
    }
  }
}
