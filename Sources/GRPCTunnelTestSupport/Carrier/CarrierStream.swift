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
internal import GRPCTunnel

/// One RPC between the ends of a ``CarrierPair``, with its two directions.
final class CarrierStream: Sendable {
  typealias Bytes = [UInt8]

  let descriptor: MethodDescriptor
  let request: CarrierPipe<RPCRequestPart<Bytes>>
  let response: CarrierPipe<RPCResponsePart<Bytes>>
  private let record: CarrierPair.Recorder

  private struct State {
    /// The status was written, or the RPC was reset.
    var hasEnded = false
    var isReset = false
    var cancellation: ServerContext.RPCCancellationHandle?
  }

  private let state = LockedValue(State())
  let wasReset = OneShotEvent()

  init(
    descriptor: MethodDescriptor,
    capacity: Int,
    isStalled: Bool,
    record: @escaping CarrierPair.Recorder
  ) {
    self.descriptor = descriptor
    self.record = record
    self.request = CarrierPipe(capacity: capacity, isStalled: isStalled) { part in
      switch part {
      case .metadata: 1
      case .message(let bytes): bytes.count + 1
      }
    }
    self.response = CarrierPipe(capacity: capacity, isStalled: isStalled) { part in
      switch part {
      case .metadata, .status: 1
      case .message(let bytes): bytes.count + 1
      }
    }
  }

  func setStalled(_ isStalled: Bool) {
    self.request.setStalled(isStalled)
    self.response.setStalled(isStalled)
  }

  // MARK: - Writing

  func write(_ part: RPCRequestPart<Bytes>) async throws {
    switch part {
    case .metadata(let metadata):
      try await self.request.write(.metadata(metadata.withTransportHeaders(of: self.descriptor)))
    case .message(let bytes):
      self.record(self.descriptor, .client, bytes)
      try await self.request.write(part)
    }
  }

  func write(_ part: RPCResponsePart<Bytes>) async throws {
    switch part {
    case .metadata:
      try await self.response.write(part)
    case .message(let bytes):
      self.record(self.descriptor, .server, bytes)
      try await self.response.write(part)
    case .status:
      let isFirst = self.state.withLock { state in
        defer { state.hasEnded = true }
        return !state.hasEnded
      }
      guard isFirst else { throw CarrierPairError.statusWrittenTwice }
      try await self.response.write(part)
      self.response.finish()
      // Nobody reads what is left of the request.
      self.request.fail(RPCError(code: .unavailable, message: "The stream has ended."))
    }
  }

  // MARK: - The end

  /// Ends the RPC before its time, for a reason that each end is told.
  func reset(client: any Error, server: any Error) {
    let cancellation = self.state.withLock { state in
      state.hasEnded = true
      state.isReset = true
      return state.cancellation
    }
    self.request.fail(server)
    self.response.fail(client)
    cancellation?.cancel()
    self.wasReset.fire()
  }

  /// The client has done with the RPC: one that has not ended is reset.
  func clientReturned() {
    guard !self.state.withLock({ $0.hasEnded }) else { return }
    self.reset(
      client: CancellationError(),
      server: RPCError(code: .unavailable, message: "The client reset the stream.")
    )
  }

  /// The server has done with the RPC: one that has not ended is reset.
  func serverReturned() {
    guard !self.state.withLock({ $0.hasEnded }) else { return }
    self.reset(
      client: RPCError(code: .unavailable, message: "The server reset the stream."),
      server: RPCError(code: .unavailable, message: "The handler returned.")
    )
  }

  /// What is fired when the RPC is reset.
  func setCancellation(_ cancellation: ServerContext.RPCCancellationHandle) {
    let isReset = self.state.withLock { state in
      state.cancellation = cancellation
      return state.isReset
    }
    if isReset { cancellation.cancel() }
  }
}

extension CarrierStream {
  /// The client's writer.
  struct ClientWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCRequestPart<Bytes>

    let stream: CarrierStream

    func write(_ element: Element) async throws {
      try await self.stream.write(element)
    }

    func write(contentsOf elements: some Sequence<Element>) async throws {
      for element in elements {
        try await self.write(element)
      }
    }

    func finish() async {
      self.stream.request.finish()
    }

    func finish(throwing error: any Error) async {
      self.stream.clientReturned()
    }
  }

  /// The server's writer.
  struct ServerWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCResponsePart<Bytes>

    let stream: CarrierStream

    func write(_ element: Element) async throws {
      try await self.stream.write(element)
    }

    func write(contentsOf elements: some Sequence<Element>) async throws {
      for element in elements {
        try await self.write(element)
      }
    }

    func finish() async {
      self.stream.serverReturned()
    }

    func finish(throwing error: any Error) async {
      self.stream.serverReturned()
    }
  }
}

extension Metadata {
  /// With what HTTP/2 hands to handlers beside the client's own metadata.
  fileprivate func withTransportHeaders(of descriptor: MethodDescriptor) -> Metadata {
    var metadata: Metadata = [
      ":method": "POST",
      ":path": "/\(descriptor.fullyQualifiedMethod)",
      ":scheme": "http",
      "content-type": "application/grpc",
      "te": "trailers",
    ]
    metadata.add(contentsOf: self)
    return metadata
  }
}
