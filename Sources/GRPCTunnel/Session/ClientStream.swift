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

/// One RPC of an application at the tunnel client.
///
/// It starts on the wire when the application writes the request's metadata, and not before.
final class ClientStream: Sendable {
  private enum State {
    /// A place in the tunnel is held; a reader may wait already.
    case reserved(reader: TunnelContinuation<StreamID, any Error>?)
    /// The place is being used, to start the stream.
    case starting(reader: TunnelContinuation<StreamID, any Error>?)
    case open(StreamID)
    /// `isUnprocessed` when the tunnel had ended before the stream could be started in it.
    case failed(RPCError, isUnprocessed: Bool)
  }

  private let session: ClientSession
  private let call: ClientCall
  private let state: LockedValue<State>

  init(session: ClientSession, call: ClientCall) {
    self.session = session
    self.call = call
    self.state = LockedValue(.reserved(reader: nil))
  }

  private var translator: StreamTranslator {
    self.session.translator(for: self.call.descriptor.service.fullyQualifiedService)
  }

  // MARK: - Writing

  @inline(never)  // Else what this takes stays in the task that writes.
  fileprivate func start(_ metadata: Metadata) throws {
    let refusal: RPCError? = self.state.withLock { state in
      switch state {
      case .reserved(let reader):
        state = .starting(reader: reader)
        return nil
      case .starting, .open:
        return RPCError(code: .internalError, message: "The request has metadata already.")
      case .failed(let error, _):
        return error
      }
    }
    if let refusal { throw refusal }

    let result: Result<StreamID, RPCError>
    do throws(MetadataTranslator.Failure) {
      let headers = try self.translator.wireMetadata(from: metadata)
      result = self.open(headers: headers, metadata)
    } catch let failure {
      self.session.cancelReservation()
      result = .failure(RPCError(unsendable: failure, of: "request"))
    }
    try self.started(result)
  }

  private func started(_ result: Result<StreamID, RPCError>) throws {
    enum Next {
      case resume(TunnelContinuation<StreamID, any Error>?)
      /// The application gave up meanwhile.
      case giveUp(RPCError)
    }
    let next: Next = self.state.withLock { state in
      switch state {
      case .starting(let reader):
        switch result {
        case .success(let id): state = .open(id)
        case .failure(let error):
          // Another tunnel may be able to.
          state = .failed(error, isUnprocessed: error.code == .unavailable)
        }
        return .resume(reader)
      case .failed(let error, _):
        return .giveUp(error)
      case .reserved, .open:
        return .resume(nil)
      }
    }
    switch next {
    case .resume(let reader):
      reader?.resume(with: result.mapError { $0 })
      _ = try result.get()
    case .giveUp(let error):
      if case .success(let id) = result { self.release(id) }
      throw error
    }
  }

  private func open(
    headers: WireMetadata,
    _ metadata: Metadata
  ) -> Result<StreamID, RPCError> {
    let now = self.session.clock.now()
    let timeout = self.call.timeout(in: metadata, now: now)
    return self.session.update { machine in
      do throws(RPCError) {
        let id = try machine.open(
          method: self.call.descriptor.fullyQualifiedMethod,
          headers: headers,
          timeout: timeout,
          maximumResponseSize: self.call.maximumResponseSize,
          now: now
        )
        return (.success(id), .nothing)
      } catch {
        return (.failure(error), .nothing)
      }
    }
  }

  fileprivate func write(_ message: ArraySlice<UInt8>) async throws {
    if let id = try self.enqueue(message) {
      try await self.session.waitUntilWritable(id)
    }
  }

  /// - Returns: The stream, if the writer has to wait before it writes more.
  @inline(never)  // Else what this takes stays in the task that may have to wait.
  private func enqueue(_ message: ArraySlice<UInt8>) throws -> StreamID? {
    let id = try self.openID()
    return try self.enqueue(message, id) ? id : nil
  }

  /// - Returns: Whether the writer has to wait before it writes more.
  private func enqueue(_ message: ArraySlice<UInt8>, _ id: StreamID) throws -> Bool {
    if let limit = self.call.maximumRequestSize, message.count > limit {
      let error = RPCError(
        code: .resourceExhausted,
        message: "The request's message of \(message.count) bytes is above the limit of \(limit)."
      )
      self.cancel(id, error)
      throw error
    }
    let result: StreamWriteResult = self.session.update { machine in
      (machine.write(message, to: id, now: self.session.clock.now()), .nothing)
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

  fileprivate func finish() {
    switch self.state.withLock({ $0 }) {
    case .open(let id):
      self.session.update { machine in
        machine.halfClose(id)
        return ((), .nothing)
      }
    case .reserved:
      self.fail(RPCError(code: .internalError, message: "The request has no metadata."))
    case .starting, .failed:
      ()
    }
  }

  /// Writes, or finishes with the end of the request.
  func send(_ item: MovableRequest.Item) async throws {
    switch item {
    case .part(.metadata(let metadata)): try self.start(metadata)
    case .part(.message(let message)): try await self.write(message.slice)
    case .end: self.finish()
    }
  }

  /// Sends what another tunnel has not processed, without waiting: all of it is no more than a
  /// stream holds.
  ///
  /// - Returns: Whether this tunnel may process it.
  func replay(_ items: [MovableRequest.Item]) throws -> Bool {
    do {
      for item in items {
        switch item {
        case .part(.metadata(let metadata)): try self.start(metadata)
        case .part(.message(let message)): _ = try self.enqueue(message.slice, self.openID())
        case .end: self.finish()
        }
      }
      return !self.isUnprocessed
    } catch {
      if self.isUnprocessed { return false }
      // One that has ended already tells its reader why.
      if case .open = self.state.withLock({ $0 }) { return true }
      throw error
    }
  }

  /// Whether it is certain that no handler ran for the RPC and none will (PROTOCOL.md 10).
  var isUnprocessed: Bool {
    switch self.state.withLock({ $0 }) {
    case .open(let id): self.session.inspect { $0.isUnprocessed(id) }
    case .failed(_, let isUnprocessed): isUnprocessed
    case .reserved, .starting: false
    }
  }

  func fail(_ error: RPCError) {
    let action: (() -> Void)? = self.state.withLock { state in
      switch state {
      case .open(let id):
        return { self.cancel(id, error) }
      case .reserved(let reader):
        state = .failed(error, isUnprocessed: false)
        return {
          self.session.cancelReservation()
          reader?.resume(throwing: error)
        }
      case .starting(let reader):
        state = .failed(error, isUnprocessed: false)
        return { reader?.resume(throwing: error) }
      case .failed:
        return nil
      }
    }
    action?()
  }

  private func cancel(_ id: StreamID, _ error: RPCError) {
    self.session.update { machine in
      machine.cancel(id, error: error)
      return ((), .stream(id))
    }
  }

  private func openID() throws -> StreamID {
    switch self.state.withLock({ $0 }) {
    case .open(let id):
      return id
    case .failed(let error, _):
      throw error
    case .reserved, .starting:
      throw RPCError(code: .internalError, message: "The request has no metadata.")
    }
  }

  // MARK: - Reading

  /// The stream's id, once the request's metadata has been written.
  fileprivate func started() async throws -> StreamID {
    try await withTaskCancellationHandler {
      try await withThrowingTunnelContinuation { continuation in
        let result: Result<StreamID, any Error>? = self.state.withLock { state in
          switch state {
          case .open(let id):
            return .success(id)
          case .failed(let error, _):
            return .failure(error)
          case .reserved(.some), .starting(.some):
            return .failure(
              RPCError(code: .internalError, message: "Two tasks read from one RPC.")
            )
          case .reserved(.none):
            if Task.isCancelled { return .failure(RPCError.cancelledByTask) }
            state = .reserved(reader: continuation)
            return nil
          case .starting(.none):
            if Task.isCancelled { return .failure(RPCError.cancelledByTask) }
            state = .starting(reader: continuation)
            return nil
          }
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let reader: TunnelContinuation<StreamID, any Error>? = self.state.withLock { state in
        switch state {
        case .reserved(let reader):
          state = .reserved(reader: nil)
          return reader
        case .starting(let reader):
          state = .starting(reader: nil)
          return reader
        case .open, .failed:
          return nil
        }
      }
      reader?.resume(throwing: RPCError.cancelledByTask)
    }
  }

  /// Reads the first part of the response, which tells the caller which tunnel served the RPC.
  fileprivate func readFirst(_ id: StreamID) async throws -> RPCResponsePart<TunnelMessageBytes>? {
    do {
      switch try await self.read(id) {
      case .metadata(var metadata):
        metadata.addString(self.session.name, forKey: TunnelID.metadataKey)
        return .metadata(metadata)
      case .status(let status, var trailers):
        trailers.addString(self.session.name, forKey: TunnelID.metadataKey)
        return .status(status, trailers)
      case .message(let message):
        return .message(message)
      case .none:
        return nil
      }
    } catch var error as RPCError {
      error.metadata.addString(self.session.name, forKey: TunnelID.metadataKey)
      throw error
    }
  }

  fileprivate func read(_ id: StreamID) async throws -> RPCResponsePart<TunnelMessageBytes>? {
    guard let part = try await self.session.read(id) else { return nil }
    return try self.responsePart(part, id)
  }

  @inline(never)  // Else what this takes stays in the task that waits for the part.
  private func responsePart(
    _ part: ClientStreamStateMachine.Part,
    _ id: StreamID
  ) throws -> RPCResponsePart<TunnelMessageBytes> {
    switch part {
    case .headers(let headers):
      do {
        return .metadata(try self.translator.metadata(from: headers))
      } catch {
        let error = RPCError(unreadable: error, of: "response's headers")
        self.cancel(id, error)
        throw error
      }
    case .message(let message):
      return .message(TunnelMessageBytes(message))
    case .close(let close):
      var trailers: Metadata
      do {
        trailers = try self.translator.metadata(
          from: close.responseTrailers ?? WireMetadata()
        )
      } catch {
        let error = RPCError(unreadable: error, of: "response's trailers")
        return .status(Status(code: Status.Code(error.code), message: error.message), [:])
      }
      let status = RichStatus.status(from: close.status, addingDetailsTo: &trailers)
      return .status(status, trailers)
    }
  }

  // MARK: - The end

  /// The application has done with the RPC: one that has not ended is cancelled.
  func release() {
    switch self.state.withLock({ $0 }) {
    case .open(let id):
      self.release(id)
    case .reserved, .starting:
      self.fail(RPCError(code: .cancelled, message: "The RPC was cancelled."))
    case .failed:
      ()
    }
  }

  private func release(_ id: StreamID) {
    self.session.update { machine in
      machine.release(id)
      return ((), .stream(id))
    }
  }
}

extension ClientStream {
  /// What GRPCCore reads.
  struct Inbound: AsyncSequence, Sendable {
    typealias Element = RPCResponsePart<TunnelMessageBytes>
    typealias Failure = any Error

    let stream: ClientStream

    func makeAsyncIterator() -> AsyncIterator {
      AsyncIterator(stream: self.stream, id: nil)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
      let stream: ClientStream
      var id: StreamID?

      mutating func next() async throws -> Element? {
        try await self.next(isolation: nil)
      }

      mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(any Error) -> Element? {
        if let id = self.id {
          return try await self.stream.read(id)
        }
        let id = try await self.stream.started()
        self.id = id
        return try await self.stream.readFirst(id)
      }
    }
  }

  /// What GRPCCore writes.
  struct Outbound: ClosableRPCWriterProtocol {
    typealias Element = RPCRequestPart<TunnelMessageBytes>

    let stream: ClientStream

    func write(_ element: Element) async throws {
      switch element {
      case .metadata(let metadata):
        try self.stream.start(metadata)
      case .message(let message):
        try await self.stream.write(message.slice)
      }
    }

    func write(contentsOf elements: some Sequence<Element>) async throws {
      for element in elements {
        try await self.write(element)
      }
    }

    func finish() async {
      self.stream.finish()
    }

    func finish(throwing error: any Error) async {
      self.stream.fail(RPCError(failedRequest: error))
    }
  }
}

extension TunnelSession where Machine == TunnelClientStateMachine {
  func cancelReservation() {
    self.update { machine in
      machine.cancelReservation()
      return ((), .nothing)
    }
  }
}

extension RPCError {
  /// The application could not complete its request.
  init(failedRequest error: any Error) {
    self =
      error as? RPCError
      ?? RPCError(code: .cancelled, message: "The request failed: \(error)", cause: error)
  }

  /// Metadata that this end cannot send: the RPC fails alone, before anything of it is sent.
  init(unsendable failure: MetadataTranslator.Failure, of subject: String) {
    self.init(
      code: .internalError,
      message: "The \(subject)'s metadata '\(failure.key)' cannot be sent: \(failure.reason)."
    )
  }

  /// Metadata from the peer that cannot be understood.
  init(unreadable failure: MetadataTranslator.Failure, of subject: String) {
    self.init(
      code: .internalError,
      message: "The \(subject) cannot be read: '\(failure.key)': \(failure.reason)."
    )
  }
}
