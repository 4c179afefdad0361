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

  private struct State {
    var elements: Deque<Element> = []
    var size = 0
    var end: End?
    var isStalled: Bool
    var reader: CheckedContinuation<Element?, any Error>?
    var writers: Deque<(id: Int, continuation: CheckedContinuation<Void, any Error>)> = []
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
    while true {
      let isWritten = try self.state.withLock { state in
        try Self.checkWritable(state)
        guard state.size < self.capacity else { return false }
        state.elements.append(element)
        state.size += self.sizeOf(element)
        return true
      }
      if isWritten {
        self.deliver()
        return
      }
      try await self.waitForRoom()
    }
  }

  private static func checkWritable(_ state: State) throws {
    switch state.end {
    case .none: ()
    case .finished: throw CarrierPairError.writtenAfterEnd
    case .failed(let error): throw error
    }
  }

  private func waitForRoom() async throws {
    let id = self.state.withLock { state in
      state.nextWriter += 1
      return state.nextWriter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let mustGoOn = self.state.withLock { state in
          if Task.isCancelled || state.end != nil || state.size < self.capacity { return true }
          state.writers.append((id, continuation))
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
    try await withTaskCancellationHandler {
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
      if let element = state.elements.popFirst() {
        state.reader = nil
        state.size -= self.sizeOf(element)
        let writers = state.size < self.capacity ? Array(state.writers) : []
        if !writers.isEmpty { state.writers.removeAll() }
        return {
          reader.resume(returning: element)
          for writer in writers {
            writer.continuation.resume()
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
