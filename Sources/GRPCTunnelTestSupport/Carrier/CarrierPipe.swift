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

internal import DequeModule
internal import GRPCCore
internal import GRPCTunnel

/// One direction of one RPC between the ends of a ``CarrierPair``: holds a bounded number of bytes,
/// so that writers wait for the reader as they do for an HTTP/2 stream's window.
final class CarrierPipe<Element: Sendable>: Sendable {
  private enum End {
    /// What was written is read before it.
    case finished
    /// At once: what was written is lost.
    case failed(any Error)
  }

  private struct Writer {
    var id: Int
    /// Waits until the pipe holds less than this.
    var size: Int
    var continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var elements: Deque<Element> = []
    var size = 0
    var end: End?
    var isStalled: Bool
    var reader: CheckedContinuation<Element?, any Error>?
    var writers: [Writer] = []
    var nextWriter = 0
  }

  private let capacity: Int
  private let sizeOf: @Sendable (Element) -> Int
  private let state: LockedValue<State>

  init(capacity: Int, isStalled: Bool, sizeOf: @escaping @Sendable (Element) -> Int) {
    self.capacity = capacity
    self.sizeOf = sizeOf
    self.state = LockedValue(State(isStalled: isStalled))
  }

  // MARK: - Writing

  /// Waits until the pipe is not full, then writes.
  func write(_ element: Element) async throws {
    try await self.write(element, count: 1)
  }

  /// Writes an element a number of times, waiting whenever the pipe is full.
  func write(_ element: Element, count: Int) async throws {
    var left = count
    while true {
      left -= try self.state.withLock { state in
        try Self.checkWritable(state)
        var written = 0
        while written < left, state.size < self.capacity {
          state.elements.append(element)
          state.size += self.sizeOf(element)
          written += 1
        }
        return written
      }
      self.deliver()
      if left == 0 { return }
      // A writer of many does not come back for each element that is read.
      try await self.waitForRoom(size: left > 1 ? self.capacity / 2 : self.capacity)
    }
  }

  private static func checkWritable(_ state: State) throws {
    switch state.end {
    case .none: ()
    case .finished: throw CarrierPairError.writtenAfterEnd
    case .failed(let error): throw error
    }
  }

  private func waitForRoom(size: Int) async throws {
    let id = self.state.withLock { state in
      state.nextWriter += 1
      return state.nextWriter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let mustGoOn = self.state.withLock { state in
          if Task.isCancelled || state.end != nil || state.size < size { return true }
          state.writers.append(Writer(id: id, size: size, continuation: continuation))
          return false
        }
        if mustGoOn { continuation.resume() }
      }
    } onCancel: {
      let writer = self.state.withLock { state in
        state.writers.firstIndex { $0.id == id }.map { state.writers.remove(at: $0).continuation }
      }
      writer?.resume()
    }
    try Task.checkCancellation()
  }

  // MARK: - The end

  /// Nothing more is written.
  func finish() {
    self.end(.finished)
  }

  /// Drops what was written; the reader and the writers fail.
  func fail(_ error: any Error) {
    self.end(.failed(error))
  }

  private func end(_ end: End) {
    let writers = self.state.withLock { state in
      switch (state.end, end) {
      case (.none, .finished):
        state.end = end
      case (.none, .failed), (.finished, .failed):
        state.end = end
        state.elements.removeAll()
        state.size = 0
      case (.finished, .finished), (.failed, _):
        ()
      }
      defer { state.writers.removeAll() }
      return Array(state.writers)
    }
    for writer in writers {
      writer.continuation.resume()
    }
    self.deliver()
  }

  // MARK: - Reading

  /// The next element; nil when the pipe was finished and all was read.
  func next() async throws -> Element? {
    if let element = self.nextAtOnce() { return element }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = self.state.withLock { state in
          if Task.isCancelled { return true }
          state.reader = continuation
          return false
        }
        if isCancelled {
          continuation.resume(throwing: CancellationError())
        } else {
          self.deliver()
        }
      }
    } onCancel: {
      let reader = self.state.withLock { $0.reader.take() }
      reader?.resume(throwing: CancellationError())
    }
  }

  /// The next element, if it need not be waited for.
  private func nextAtOnce() -> Element? {
    let (element, writers) = self.state.withLock { state in
      Task.isCancelled ? (nil, []) : self.popFirst(from: &state)
    }
    for writer in writers {
      writer.resume()
    }
    return element
  }

  /// Takes out an element, with the writers that may go on.
  private func popFirst(
    from state: inout State
  ) -> (element: Element?, writers: [CheckedContinuation<Void, any Error>]) {
    if state.isStalled { return (nil, []) }
    guard let element = state.elements.popFirst() else { return (nil, []) }
    state.size -= self.sizeOf(element)
    if state.writers.isEmpty { return (element, []) }
    let size = state.size
    let writers = state.writers.filter { size < $0.size }
    state.writers.removeAll { size < $0.size }
    return (element, writers.map(\.continuation))
  }

  /// While it is stalled, a pipe takes what it has room for and delivers nothing but a failure.
  func setStalled(_ isStalled: Bool) {
    self.state.withLock { $0.isStalled = isStalled }
    self.deliver()
  }

  /// Gives the reader, if there is one, what there is for it.
  private func deliver() {
    let delivery: (() -> Void)? = self.state.withLock { state in
      guard let reader = state.reader else { return nil }
      if case .failed(let error) = state.end {
        state.reader = nil
        return { reader.resume(throwing: error) }
      }
      if state.isStalled { return nil }
      let (element, writers) = self.popFirst(from: &state)
      if let element {
        state.reader = nil
        return {
          reader.resume(returning: element)
          for writer in writers {
            writer.resume()
          }
        }
      }
      if state.end != nil {
        state.reader = nil
        return { reader.resume(returning: nil) }
      }
      return nil
    }
    delivery?()
  }
}

extension CarrierPipe {
  /// Reads the pipe to its end.
  struct Elements: AsyncSequence, Sendable {
    typealias Failure = any Error

    let pipe: CarrierPipe<Element>

    func makeAsyncIterator() -> AsyncIterator {
      AsyncIterator(pipe: self.pipe)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
      let pipe: CarrierPipe<Element>

      mutating func next() async throws -> Element? {
        try await self.pipe.next()
      }

      mutating func next(
        isolation actor: isolated (any Actor)?
      ) async throws(any Error) -> Element? {
        try await self.pipe.next()
      }
    }
  }
}

/// What only a mistake in the use of a carrier brings about.
enum CarrierPairError: Error {
  case writtenAfterEnd
  case statusWrittenTwice
}
