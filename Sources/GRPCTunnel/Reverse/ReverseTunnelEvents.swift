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

/// What happens to the tunnels of a ``ReverseTunnels``, from when the sequence was made.
///
/// It is for one reader at a time, and ends when the reader's task is cancelled. When more than 1,024
/// events wait to be read the oldest are dropped, and ``ReverseTunnelEvent/missed(_:)`` stands in their
/// place.
public struct ReverseTunnelEvents<Key: Hashable & Sendable>: AsyncSequence, Sendable {
  /// What the sequence gives.
  public typealias Element = ReverseTunnelEvent<Key>

  /// Reading does not fail.
  public typealias Failure = Never

  private let subscription: Subscription

  init(queue: ReverseTunnelEventQueue<Key>, onEnd: @escaping @Sendable () -> Void) {
    self.subscription = Subscription(queue: queue, onEnd: onEnd)
  }

  /// Begins to read. Iterators share what there is to read.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(subscription: self.subscription)
  }

  /// Reads the events.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let subscription: Subscription

    /// The next event, once there is one; nil when the task is cancelled.
    public mutating func next() async -> Element? {
      await self.subscription.queue.next()
    }

    /// The next event, once there is one; nil when the task is cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(Never) -> Element? {
      await self.subscription.queue.next()
    }
  }

  /// Ends with the last who could read.
  fileprivate final class Subscription: Sendable {
    let queue: ReverseTunnelEventQueue<Key>
    private let onEnd: @Sendable () -> Void

    init(queue: ReverseTunnelEventQueue<Key>, onEnd: @escaping @Sendable () -> Void) {
      self.queue = queue
      self.onEnd = onEnd
    }

    deinit {
      self.onEnd()
    }
  }
}

/// The events that one subscriber has not read.
final class ReverseTunnelEventQueue<Key: Hashable & Sendable>: Sendable {
  typealias Event = ReverseTunnelEvent<Key>

  private struct State {
    var events: Deque<Event> = []
    var missed = 0
    /// The call of `next()` that waits, by its number.
    var reader: (call: UInt64, continuation: CheckedContinuation<Event?, Never>)?
    var calls: UInt64 = 0

    mutating func next() -> Event? {
      if self.missed > 0 {
        defer { self.missed = 0 }
        return .missed(self.missed)
      }
      return self.events.popFirst()
    }
  }

  private let capacity: Int
  private let state: LockedValue<State>

  init(capacity: Int = 1024) {
    self.capacity = capacity
    self.state = LockedValue(State())
  }

  /// Adds an event.
  ///
  /// - Returns: What is to be called when the caller holds no lock any more.
  func append(_ event: Event) -> (@Sendable () -> Void)? {
    self.state.withLock { state in
      if let reader = state.reader.take() {
        return { reader.continuation.resume(returning: event) }
      }
      if state.events.count == self.capacity {
        state.events.removeFirst()
        state.missed += 1
      }
      state.events.append(event)
      return nil
    }
  }

  func next() async -> Event? {
    let call = self.state.withLock { state in
      state.calls += 1
      return state.calls
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let result: Event?? = self.state.withLock { state in
          if let event = state.next() { return .some(event) }
          // A cancellation that came before this has found nobody to resume; nor is there anything
          // for a second reader.
          if Task.isCancelled || state.reader != nil { return .some(nil) }
          state.reader = (call, continuation)
          return nil
        }
        if let result { continuation.resume(returning: result) }
      }
    } onCancel: {
      // Another reader's cancellation is not this one's.
      let reader = self.state.withLock { state in
        state.reader?.call == call ? state.reader.take() : nil
      }
      reader?.continuation.resume(returning: nil)
    }
  }
}
