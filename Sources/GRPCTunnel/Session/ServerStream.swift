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
internal import GRPCTunnelProtocol

/// One RPC at the tunnel server, as its handler reads and writes it.
struct ServerStream: Sendable {
  let session: ServerSession
  let id: StreamID
  /// The fully qualified name of the service.
  let service: String
  /// When the RPC arrived, on the clock of the session.
  let arrival: Duration

  private func translator() -> StreamTranslator {
    self.session.session.translator(for: self.service)
  }

  // A handler for which reading or writing fails, since its RPC has ended, finds its cancellation handle
  // fired, also when it comes before the one who is about to fire it.

  fileprivate func read() async throws -> RPCRequestPart<TunnelMessageBytes>? {
    do {
      guard let part = try await self.session.session.read(self.id) else { return nil }
      return try self.requestPart(part)
    } catch {
      self.session.cancelHandlerIfAborted(self.id)
      throw error
    }
  }

  fileprivate func write(_ element: RPCResponsePart<TunnelMessageBytes>) async throws {
    do {
      if try self.enqueue(element) {
        try await self.session.session.waitUntilWritable(self.id)
      }
    } catch {
      self.session.cancelHandlerIfAborted(self.id)
      throw error
    }
  }

  fileprivate func checkWritable() throws {
    if let error = self.session.session.inspect({ $0.streams.writeError(of: self.id) }) {
      throw error
    }
  }

  @inline(never)  // Else what this takes stays in the task that waits for the part.
  private func requestPart(
    _ part: ServerStreamStateMachine.Part
  ) throws -> RPCRequestPart<TunnelMessageBytes> {
    switch part {
    case .headers(let headers):
      var metadata: Metadata
      do {
        metadata = try self.translator().metadata(from: headers)
      } catch {
        let error = RPCError(unreadable: error, of: "request's headers")
        self.abort(error)
        throw error
      }
      // Cleaned, and one value only: GRPCCore traps on some that peers may send. Lowered by the time
      // that the handler took to begin: it counts from here again.
      if let timeout = headers[RPCTimeout.key].last.flatMap({ RPCTimeout.decode($0) }) {
        let left = timeout - (self.session.session.clock.now() - self.arrival)
        metadata.addString(RPCTimeout.encode(left), forKey: RPCTimeout.key)
      }
      return .metadata(metadata)
    case .message(let message):
      return .message(TunnelMessageBytes(message))
    }
  }

  /// - Returns: Whether the writer has to wait before it writes more.
  @inline(never)  // Else what this takes stays in the task that may have to wait.
  private func enqueue(_ element: RPCResponsePart<TunnelMessageBytes>) throws -> Bool {
    switch element {
    case .metadata(let metadata):
      try self.enqueue(metadata)
      return false
    case .message(let message):
      return try self.enqueue(message.slice)
    case .status(let status, let trailers):
      self.enqueue(status, trailers)
      return false
    }
  }

  private func enqueue(_ metadata: Metadata) throws {
    let headers: WireMetadata
    do {
      headers = try self.translator().wireMetadata(from: metadata)
    } catch {
      let error = RPCError(unsendable: error, of: "response")
      self.abort(error)
      throw error
    }
    let result: StreamWriteResult = self.session.session.update { machine in
      (machine.writeHeaders(headers, to: self.id), .stream(self.id))
    }
    if case .failed(let error) = result { throw error }
  }

  private func enqueue(_ message: ArraySlice<UInt8>) throws -> Bool {
    let result: StreamWriteResult = self.session.session.update { machine in
      (machine.write(message, to: self.id, now: self.session.session.clock.now()), .nothing)
    }
    switch result {
    case .written:
      return false
    case .writtenThenWait:
      return true
    case .failed(let error):
      throw error
    }
  }

  private func enqueue(_ status: Status, _ trailers: Metadata) {
    var trailers = trailers
    var close = CloseStream()
    let rich = RichStatus.wireStatus(for: status, takingDetailsFrom: &trailers)
    close.status = rich.status
    if rich.droppedDetails {
      self.session.session.observer.droppedDetails(of: self.service)
    }
    do {
      let wire = try self.translator().wireMetadata(from: trailers)
      close.responseTrailers = wire.isEmpty ? nil : wire
    } catch {
      let error = RPCError(unsendable: error, of: "response")
      close = CloseStream(
        status: WireStatus(code: Int32(error.code.rawValue), message: error.message)
      )
    }
    let now = self.session.session.clock.now()
    self.session.session.update { machine in
      machine.close(self.id, with: close, now: now)
      return ((), .stream(self.id))
    }
  }

  fileprivate func abort(_ error: RPCError) {
    self.session.session.update { machine in
      machine.abort(self.id, error)
      return ((), .stream(self.id))
    } beforeResuming: {
      self.session.cancelHandlerIfAborted(self.id)
    }
  }
}

extension ServerStream {
  /// What GRPCCore reads.
  struct Inbound: AsyncSequence, Sendable {
    typealias Element = RPCRequestPart<TunnelMessageBytes>
    typealias Failure = any Error

    let stream: ServerStream

    func makeAsyncIterator() -> AsyncIterator {
      AsyncIterator(stream: self.stream)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
      let stream: ServerStream

      mutating func next() async throws -> Element? {
        try await self.stream.read()
      }

      mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(any Error) -> Element? {
        try await self.stream.read()
      }
    }
  }

  /// What GRPCCore writes.
  struct Outbound: ClosableRPCWriterProtocol {
    typealias Element = RPCResponsePart<TunnelMessageBytes>

    let stream: ServerStream

    func write(_ element: Element) async throws {
      try await self.stream.write(element)
    }

    func write(contentsOf elements: some Sequence<Element>) async throws {
      var isEmpty = true
      for element in elements {
        isEmpty = false
        try await self.write(element)
      }
      // Writes nothing, but fails when the RPC has ended, as it does in GRPCCore's own transports: so
      // a handler can find out, whose cancellation handle has told of a shutdown already.
      if isEmpty { try self.stream.checkWritable() }
    }

    func finish() async {
      // Nothing follows a status, and without one the stream is closed when the handler returns.
    }

    func finish(throwing error: any Error) async {
      self.stream.abort(
        error as? RPCError
          ?? RPCError(code: .unknown, message: "The response failed.", cause: error)
      )
    }
  }
}
