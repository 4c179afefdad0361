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

  /// A stream in one of the tunnels.
  struct Attempt: Sendable {
    var stream: ClientStream
    var tunnel: TunnelID
  }

  /// Takes a place in a tunnel that was not tried; nil when there is none.
  typealias NextAttempt = @Sendable (_ tried: Set<TunnelID>) async throws -> Attempt?

  private struct State {
    var request = MovableRequest()
    var stream: ClientStream
    var tried: Set<TunnelID>
    /// While the RPC is moved: happens when that is done.
    var move: OneShotEvent?
  }

  private let nextAttempt: NextAttempt
  private let state: LockedValue<State>

  init(_ first: Attempt, nextAttempt: @escaping NextAttempt) {
    self.nextAttempt = nextAttempt
    self.state = LockedValue(State(stream: first.stream, tried: [first.tunnel]))
  }

  /// The application has done with the RPC: one that has not ended is cancelled.
  func release() {
    self.end(RPCError(code: .cancelled, message: "The RPC was cancelled.")) { $0.release() }
  }

  private func end(_ error: RPCError, _ end: (ClientStream) -> Void) {
    let stream = self.state.withLock { state in
      state.request.fail(error)
      return state.stream
    }
    end(stream)
  }

  // MARK: - Writing

  fileprivate func send(_ item: MovableRequest.Item) async throws {
    while true {
      let (result, stream, move) = self.state.withLock { state in
        (state.request.send(item), state.stream, state.move)
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
    self.end(error) { $0.fail(error) }
  }

  // MARK: - Reading

  /// The first part of the response, and the stream that the others come from.
  fileprivate func readFirst() async throws -> (
    part: RPCResponsePart<TunnelMessageBytes>?, rest: ClientStream.Inbound.AsyncIterator
  ) {
    while true {
      let (attempt, stream) = self.state.withLock { ($0.request.attempt, $0.stream) }
      var iterator = ClientStream.Inbound(stream: stream).makeAsyncIterator()
      do {
        let part = try await iterator.next()
        if case .status = part, try await self.isMoved(attempt, stream) { continue }
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
    guard stream.isUnprocessed else { return false }
    while true {
      let (result, move) = self.state.withLock { state in
        let result = state.request.refused(attempt: attempt)
        if case .move = result { state.move = OneShotEvent() }
        return (result, state.move)
      }
      switch result {
      case .move(let items):
        return try await self.move(items, done: move)
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

  private func move(_ items: [MovableRequest.Item], done: OneShotEvent?) async throws -> Bool {
    defer { done?.fire() }
    do {
      while true {
        let tried = self.state.withLock { $0.tried }
        guard let next = try await self.nextAttempt(tried) else {
          self.state.withLock { $0.request.stayed() }
          return false
        }
        self.state.withLock { _ = $0.tried.insert(next.tunnel) }
        guard try next.stream.replay(items) else {
          next.stream.release()
          continue
        }
        return try self.moved(to: next.stream)
      }
    } catch {
      let error = error as? RPCError ?? .cancelledByTask
      self.state.withLock { $0.request.fail(error) }
      throw error
    }
  }

  private func moved(to stream: ClientStream) throws -> Bool {
    let old: ClientStream? = self.state.withLock { state in
      guard state.request.moved() else { return nil }
      defer { state.stream = stream }
      return state.stream
    }
    guard let old else {
      // The application has given up meanwhile.
      stream.release()
      throw RPCError.cancelledByTask
    }
    old.release()
    return true
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
