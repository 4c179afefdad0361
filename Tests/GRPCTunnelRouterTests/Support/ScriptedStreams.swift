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

/// The caller's end of one RPC at a proxy: the test sends requests and reads responses.
struct ScriptedCaller: Sendable {
  let requests: AsyncThrowingStream<RPCRequestPart<TestBytes>, any Error>.Continuation
  let responses: RecordedParts<RPCResponsePart<TestBytes>>
  let stream:
    RPCStream<
      RPCAsyncSequence<RPCRequestPart<TestBytes>, any Error>,
      RPCWriter<RPCResponsePart<TestBytes>>.Closable
    >

  init() {
    let (requests, continuation) = AsyncThrowingStream.makeStream(
      of: RPCRequestPart<TestBytes>.self,
      throwing: (any Error).self
    )
    self.requests = continuation
    self.responses = RecordedParts()
    self.stream = RPCStream(
      descriptor: MethodDescriptor(fullyQualifiedService: "test.Service", method: "Method"),
      inbound: RPCAsyncSequence(wrapping: requests),
      outbound: RPCWriter.Closable(wrapping: self.responses)
    )
  }
}

/// The other side of one RPC at a proxy: the test reads requests and sends responses.
struct ScriptedUpstream: ClientTransport {
  typealias Bytes = TestBytes

  let requests: RecordedParts<RPCRequestPart<TestBytes>>
  let responses: AsyncThrowingStream<RPCResponsePart<TestBytes>, any Error>.Continuation
  private let counts: LockedValue<(streams: Int, connects: Int)>
  private let inbound: AsyncThrowingStream<RPCResponsePart<TestBytes>, any Error>

  init() {
    self.requests = RecordedParts()
    self.counts = LockedValue((0, 0))
    (self.inbound, self.responses) = AsyncThrowingStream.makeStream(
      of: RPCResponsePart<TestBytes>.self,
      throwing: (any Error).self
    )
  }

  let retryThrottle: RetryThrottle? = nil

  /// How many streams were opened.
  var streamCount: Int {
    self.counts.withLock { $0.streams }
  }

  /// How often it was connected.
  var connectCount: Int {
    self.counts.withLock { $0.connects }
  }

  func connect() async throws {
    self.counts.withLock { $0.connects += 1 }
  }

  func beginGracefulShutdown() {}

  func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
    nil
  }

  func withStream<T: Sendable>(
    descriptor: MethodDescriptor,
    options: CallOptions,
    _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
  ) async throws -> T {
    self.counts.withLock { $0.streams += 1 }
    return try await closure(
      RPCStream(
        descriptor: descriptor,
        inbound: RPCAsyncSequence(wrapping: self.inbound),
        outbound: RPCWriter.Closable(wrapping: self.requests)
      ),
      ClientContext(descriptor: descriptor, remotePeer: "", localPeer: "")
    )
  }
}

/// What is written to a stream, for a test to read.
struct RecordedParts<Part: Sendable>: ClosableRPCWriterProtocol {
  enum Event: Sendable {
    case part(Part)
    case finished
    case failed(RPCError.Code?)
  }

  let events: AsyncStream<Event>
  private let continuation: AsyncStream<Event>.Continuation
  private let isClosed = LockedValue(false)

  init() {
    (self.events, self.continuation) = AsyncStream.makeStream(of: Event.self)
  }

  /// Makes writes fail, as when the peer is gone.
  func close() {
    self.isClosed.withLock { $0 = true }
  }

  func write(_ element: Part) async throws {
    try await self.write(contentsOf: [element])
  }

  func write(contentsOf elements: some Sequence<Part>) async throws {
    if self.isClosed.withLock({ $0 }) {
      throw RPCError(code: .unavailable, message: "closed")
    }
    for element in elements {
      self.continuation.yield(.part(element))
    }
  }

  func finish() async {
    self.continuation.yield(.finished)
  }

  func finish(throwing error: any Error) async {
    self.continuation.yield(.failed((error as? RPCError)?.code))
  }
}

/// Bytes of a transport that is made for tests.
struct TestBytes: GRPCContiguousBytes, Hashable, Sendable {
  var bytes: [UInt8]

  init(repeating byte: UInt8, count: Int) {
    self.bytes = Array(repeating: byte, count: count)
  }

  init(_ sequence: some Sequence<UInt8>) {
    self.bytes = Array(sequence)
  }

  var count: Int {
    self.bytes.count
  }

  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try self.bytes.withUnsafeBytes(body)
  }

  mutating func withUnsafeMutableBytes<R>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> R
  ) rethrows -> R {
    try self.bytes.withUnsafeMutableBytes(body)
  }
}
