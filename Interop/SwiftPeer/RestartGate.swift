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

internal import Synchronization

/// Lets RPCs start until it is closed, and tells when those that have started were all answered: a
/// drain that begins then has to let them end.
final class RestartGate: Sendable {
  private struct State {
    var isOpen = true
    var unanswered = 0
    var running = 0
    var closing: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// The RPCs that have not ended.
  var runningCount: Int {
    self.state.withLock { $0.running }
  }

  /// Starts an RPC; nil when no more are to start.
  func start() -> Pass? {
    self.state.withLock { state in
      guard state.isOpen else { return nil }
      state.unanswered += 1
      state.running += 1
      return Pass(gate: self)
    }
  }

  /// Lets no more RPCs start, and returns when all that have started were answered.
  func close() async {
    await withCheckedContinuation { continuation in
      let isDone = self.state.withLock { state in
        state.isOpen = false
        if state.unanswered == 0 { return true }
        state.closing = continuation
        return false
      }
      if isDone { continuation.resume() }
    }
  }

  private func answered() {
    let closing = self.state.withLock { state in
      state.unanswered -= 1
      return state.isOpen || state.unanswered > 0 ? nil : state.closing.take()
    }
    closing?.resume()
  }

  private func ended() {
    self.state.withLock { $0.running -= 1 }
  }

  /// One RPC that has started.
  final class Pass: Sendable {
    private let gate: RestartGate
    private let isAnswered = Mutex(false)

    fileprivate init(gate: RestartGate) {
      self.gate = gate
    }

    /// The first part of the response is there.
    func answered() {
      let isFirst = self.isAnswered.withLock { isAnswered in
        defer { isAnswered = true }
        return !isAnswered
      }
      if isFirst { self.gate.answered() }
    }

    /// The RPC has ended.
    func ended() {
      self.answered()
      self.gate.ended()
    }
  }
}
