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

/// One RPC of an application that is moved to another tunnel when its own has not processed it.
///
/// Whoever finds out first, a reader by the refusal or a writer by an error, moves the RPC; the others
/// wait for that. To the application it is one RPC that took a little longer.
final class MovableStream: Sendable {
  typealias Part = RPCRequestPart<TunnelMessageBytes>

  /// Takes a place in a tunnel that was not tried; nil when there is none, or when the event has
  /// happened before there was one.
  typealias NextPlace =
    @Sendable (_ tried: Set<TunnelID>, _ end: OneShotEvent) async throws -> ReverseTunnelPlace?

  private struct State {
    var request = MovableRequest()
    var attempt: Attempt
    var tried: Set<TunnelID>
    /// While the RPC is moved: happens when that is done, or need not be.
    var move: OneShotEvent?
  }

  /// A stream in one of the tunnels, on a place that was taken there.
  private struct Attempt {
    let stream: ClientStream
    let place: ReverseTunnelPlace

    init(_ call: ClientCall, _ place: ReverseTunnelPlace) {
      self.stream = ClientStream(session: place.tunnel.session, call: call)
      self.place = place
    }

    /// Called once.
    func release() {
      self.stream.release()
      self.place.end()
    }
  }

  private let call: ClientCall
  private let nextPlace: NextPlace
  private let state: LockedValue<State>

  init(_ call: ClientCall, _ place: ReverseTunnelPlace, nextPlace: @escaping NextPlace) {
    self.call = call
    self.nextPlace = nextPlace
    self.state = LockedValue(
      State(attempt: Attempt(call, place), tried: [place.tunnel.id])
    )
  }

  /// The application has done with the RPC: one that has not ended is cancelled. Called once.
  func release() {
    self.end(RPCError(code: .cancelled, message: "The RPC was cancelled.")).release()
  }

  private func end(_ error: RPCError) -> Attempt {
    let (attempt, move) = self.state.withLock { state in
      state.request.fail(error)
      return (state.attempt, state.move)
    }
    // Whoever waits for another tunnel, or for the RPC to be moved, need not any more.
    move?.fire()
    return attempt
  }

  // MARK: - Writing

  fileprivate func send(_ item: MovableRequest.Item) async throws {
    while true {
      let (result, stream, move) = self.state.withLock { state in
        (state.request.send(item), state.attempt.stream, state.move)
      }
      switch result {
      case .send(let attempt):
        do {
          try await stream.send(item)
          return
        } catch {
          // What was kept has been sent once more, this with it.
          if try await self.isMoved(attempt, stream) { return }
          throw error
        }
      case .wait:
        try await Self.wait(for: move)
      case .failed(let error):
        throw error
      }
    }
  }

  fileprivate func fail(_ error: RPCError) {
    self.end(error).stream.fail(error)
  }

  // MARK: - Reading

  /// The first part of the response, and the stream that the others come from.
  fileprivate func readFirst() async throws -> (
    part: RPCResponsePart<TunnelMessageBytes>?, rest: ClientStream.Inbound.AsyncIterator
  ) {
    while true {
      let (attempt, stream) = self.state.withLock { ($0.request.attempt, $0.attempt.stream) }
      var iterator = ClientStream.Inbound(stream: stream).makeAsyncIterator()
      do {
        let part = try await iterator.next()
        if case .status = part, stream.isUnprocessed {
          if try await self.isMoved(attempt, stream) { continue }
          return (part?.asRefusal, iterator)
        }
        // A writer may have moved the RPC, and so ended the stream that was read from here.
        if self.settle(attempt) { return (part, iterator) }
      } catch {
        if try await self.isMoved(attempt, stream) || !self.settle(attempt) { continue }
        throw error
      }
    }
  }

  /// The RPC stays in the tunnel of an attempt.
  ///
  /// - Returns: false when it is in another one already.
  private func settle(_ attempt: Int) -> Bool {
    self.state.withLock { $0.request.settle(attempt: attempt) }
  }

  // MARK: - Moving

  /// Moves an RPC that was not processed, or waits for whoever does.
  ///
  /// - Returns: Whether the RPC is in another tunnel now.
  private func isMoved(_ attempt: Int, _ stream: ClientStream) async throws -> Bool {
    let isUnprocessed = stream.isUnprocessed
    while true {
      let done = OneShotEvent()
      let (result, move) = self.state.withLock { state in
        let result = state.request.failed(attempt: attempt, isUnprocessed: isUnprocessed)
        if case .move = result { state.move = done }
        return (result, state.move)
      }
      switch result {
      case .move(let items):
        return try await self.move(items, done: done)
      case .wait:
        try await Self.wait(for: move)
      case .moved:
        return true
      case .settled:
        return false
      case .failed(let error):
        throw error
      }
    }
  }

  private func move(_ items: [MovableRequest.Item], done: OneShotEvent) async throws -> Bool {
    defer { done.fire() }
    do {
      while true {
        let tried = self.state.withLock { $0.tried }
        guard let place = try await self.nextPlace(tried, done) else {
          self.state.withLock { $0.request.stayed() }
          return false
        }
        let attempt = Attempt(self.call, place)
        do {
          if try attempt.stream.replay(items) {
            try self.moved(to: attempt)
            return true
          }
        } catch {
          attempt.release()
          throw error
        }
        self.state.withLock { _ = $0.tried.insert(place.tunnel.id) }
        attempt.release()
      }
    } catch {
      let error = error as? RPCError ?? .cancelledByTask
      self.state.withLock { $0.request.fail(error) }
      throw error
    }
  }

  /// - Throws: The error with which the RPC has ended meanwhile.
  private func moved(to attempt: Attempt) throws {
    let old = try self.state.withLock { state in
      guard state.request.moved() else { throw state.request.error ?? .cancelledByTask }
      defer {
        state.attempt = attempt
        state.tried.insert(attempt.place.tunnel.id)
      }
      return state.attempt
    }
    old.release()
  }

  private static func wait(for move: OneShotEvent?) async throws {
    do {
      try await move?.wait()
    } catch {
      throw RPCError.cancelledByTask
    }
  }
}

extension MovableStream {
  /// What GRPCCore reads and writes.
  func stream(
    for descriptor: MethodDescriptor
  ) -> RPCStream<TunnelClientTransport.Inbound, TunnelClientTransport.Outbound> {
    RPCStream(
      descriptor: descriptor,
      inbound: RPCAsyncSequence(wrapping: Inbound(stream: self)),
      outbound: RPCWriter.Closable(wrapping: Outbound(stream: self))
    )
  }

  private struct Inbound: AsyncSequence, Sendable {
    typealias Element = RPCResponsePart<TunnelMessageBytes>
    typealias Failure = any Error

    let stream: MovableStream

    func makeAsyncIterator() -> AsyncIterator {
      AsyncIterator(stream: self.stream)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
      let stream: MovableStream
      var rest: ClientStream.Inbound.AsyncIterator?

      mutating func next() async throws -> Element? {
        try await self.next(isolation: nil)
      }

      mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(any Error) -> Element? {
        guard self.rest == nil else { return try await self.rest?.next(isolation: actor) }
        let (part, rest) = try await self.stream.readFirst()
        self.rest = rest
        return part
      }
    }
  }

  private struct Outbound: ClosableRPCWriterProtocol {
    typealias Element = Part

    let stream: MovableStream

    func write(_ element: Element) async throws {
      try await self.stream.send(.part(element))
    }

    func write(contentsOf elements: some Sequence<Element>) async throws {
      for element in elements {
        try await self.write(element)
      }
    }

    func finish() async {
      // An RPC that has failed has nothing to finish.
      try? await self.stream.send(.end)
    }

    func finish(throwing error: any Error) async {
      self.stream.fail(RPCError(failedRequest: error))
    }
  }
}

extension RPCResponsePart {
  /// The end of an RPC that no tunnel has processed is UNAVAILABLE, whatever the last one said.
  fileprivate var asRefusal: RPCResponsePart {
    guard case .status(let status, var trailers) = self, status.code != .unavailable else {
      return self
    }
    // They hold the other code too.
    trailers.removeAllValues(forKey: RichStatus.trailerKey)
    return .status(Status(code: .unavailable, message: status.message), trailers)
  }
}
