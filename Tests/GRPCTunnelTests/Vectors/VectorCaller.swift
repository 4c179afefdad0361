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
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport

/// Makes the calls of a recording.
struct VectorCaller {
  let calls: RecordedCalls
  let recorder: FrameRecorder

  /// Makes the calls in their order; those at once start in it, too.
  func run(
    _ client: GRPCClient<some ClientTransport>,
    concurrently: Bool
  ) async throws -> [StreamID: VectorOutcome] {
    try await withThrowingTaskGroup(of: (StreamID, VectorOutcome).self) { group in
      var outcomes: [StreamID: VectorOutcome] = [:]
      for id in self.calls.ids {
        let call = self.calls[id]
        let hasEnded = OneShotEvent()
        group.addTask {
          defer { hasEnded.fire() }
          do {
            return (id, try await self.run(call, client))
          } catch let error as RPCError {
            // No tunnel took it.
            return (id, VectorOutcome(failed: error))
          } catch let error as RuntimeError where error.code == .clientIsStopped {
            // The client has ended with its only tunnel.
            let error = RPCError(code: .unavailable, message: error.message)
            return (id, VectorOutcome(failed: error))
          }
        }
        if concurrently {
          await self.waitForNewStream(id, or: hasEnded)
        } else if let (id, outcome) = try await group.next() {
          outcomes[id] = outcome
        }
      }
      for try await (id, outcome) in group {
        outcomes[id] = outcome
      }
      return outcomes
    }
  }

  private func waitForNewStream(_ id: StreamID, or event: OneShotEvent) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await self.recorder.wait { frame in
          guard case .fromTunnelClient(let frame) = frame, frame.streamID == id else {
            return false
          }
          if case .newStream = frame.payload { return true } else { return false }
        }
      }
      group.addTask { try? await event.wait() }
      await group.next()
      group.cancelAll()
    }
  }

  private func run(
    _ call: RecordedCall,
    _ client: GRPCClient<some ClientTransport>
  ) async throws -> VectorOutcome {
    let parts = call.method.split(separator: "/", maxSplits: 1).map(String.init)
    let descriptor = MethodDescriptor(fullyQualifiedService: parts[0], method: parts[1])
    let metadata = Metadata(sending: call.newStream?.requestHeaders ?? [:])
    switch VectorEcho.Method(rawValue: descriptor.method) {
    case .unary, .fail, .none:
      return try await client.unary(
        request: ClientRequest(message: call.requests.complete[0], metadata: metadata),
        descriptor: descriptor,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { VectorOutcome($0) }
    case .down:
      return try await client.serverStreaming(
        request: ClientRequest(message: call.requests.complete[0], metadata: metadata),
        descriptor: descriptor,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { await VectorOutcome($0) }
    case .up:
      return try await client.clientStreaming(
        request: StreamingClientRequest(metadata: metadata) { writer in
          try await writer.write(contentsOf: call.requests.complete)
        },
        descriptor: descriptor,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { VectorOutcome($0) }
    case .bidi:
      return try await self.converse(call, descriptor, metadata, client)
    }
  }

  /// Sends a message, waits for its answer, sends the next.
  private func converse(
    _ call: RecordedCall,
    _ descriptor: MethodDescriptor,
    _ metadata: Metadata,
    _ client: GRPCClient<some ClientTransport>
  ) async throws -> VectorOutcome {
    let events = ControlEvents()
    return try await client.bidirectionalStreaming(
      request: StreamingClientRequest(metadata: metadata) { writer in
        for (number, message) in call.requests.complete.enumerated() {
          try await writer.write(message)
          try await events.wait(for: "answer \(number)")
        }
        if !call.isHalfClosed { try await events.wait(for: "the end") }
      },
      descriptor: descriptor,
      serializer: RawCoder(),
      deserializer: RawCoder(),
      options: .defaults
    ) { response in
      await VectorOutcome(response, leavingAfter: call.isCancelled ? 1 : nil) { number in
        events.happen("answer \(number)")
      }
    }
  }
}

/// What the caller has seen of one call.
struct VectorOutcome: Sendable {
  var metadata: Metadata = [:]
  var messages: [[UInt8]] = []
  var code = Status.Code.ok
  var message = ""
  var trailers: Metadata = [:]

  init(failed error: any Error) {
    self.fail(error)
  }

  init(_ response: ClientResponse<[UInt8]>) {
    switch response.accepted {
    case .success(let contents):
      self.metadata = contents.metadata
      self.trailers = contents.trailingMetadata
      switch contents.message {
      case .success(let message): self.messages = [message]
      case .failure(let error): self.fail(error)
      }
    case .failure(let error):
      self.fail(error)
    }
  }

  init(
    _ response: StreamingClientResponse<[UInt8]>,
    leavingAfter maximumCount: Int? = nil,
    onMessage: (Int) -> Void = { _ in }
  ) async {
    switch response.accepted {
    case .success(let contents):
      self.metadata = contents.metadata
      do {
        for try await part in contents.bodyParts {
          switch part {
          case .message(let message):
            onMessage(self.messages.count)
            self.messages.append(message)
            if self.messages.count == maximumCount { return }
          case .trailingMetadata(let trailers):
            self.trailers = trailers
          }
        }
      } catch {
        self.fail(error)
      }
    case .failure(let error):
      self.fail(error)
    }
  }

  private mutating func fail(_ error: any Error) {
    guard let error = error as? RPCError else {
      self.code = .unknown
      self.message = "\(error)"
      return
    }
    self.code = Status.Code(error.code)
    self.message = error.message
    self.trailers = error.metadata
  }

  /// The details of a rich error.
  var details: [WireStatus.Detail] {
    guard let bytes = self.trailers.binaries("grpc-status-details-bin").first,
      let status = try? WireStatus(decoding: bytes)
    else { return [] }
    return status.details
  }

  var wireMetadata: WireMetadata {
    WireMetadata(sent: self.metadata)
  }

  /// The trailers that were sent as such.
  var wireTrailers: WireMetadata {
    var trailers = self.trailers
    trailers.removeAllValues(forKey: "grpc-status-details-bin")
    return WireMetadata(sent: trailers)
  }
}

extension Metadata {
  /// What an application passes for these headers to be sent; but with a deadline that does not pass
  /// before the server answers, however much else runs.
  fileprivate init(sending headers: WireMetadata) {
    self.init()
    for entry in headers.entries {
      for value in entry.values {
        if entry.key == RPCTimeout.key {
          self.addString("50S", forKey: entry.key)
        } else if entry.key.hasSuffix("-bin") {
          self.addBinary(Array(value.utf8), forKey: entry.key)
        } else {
          self.addString(value, forKey: entry.key)
        }
      }
    }
  }
}

extension WireMetadata {
  /// The headers that an application sees as this metadata, where all values are UTF-8.
  fileprivate init(sent metadata: Metadata) {
    self.init()
    for (key, value) in metadata where key != TunnelID.metadataKey {
      switch value {
      case .string(let value): self.append(value, forKey: key)
      case .binary(let value): self.append(String(decoding: value, as: UTF8.self), forKey: key)
      }
    }
  }
}
