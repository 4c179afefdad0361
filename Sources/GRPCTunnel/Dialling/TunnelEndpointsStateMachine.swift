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

/// Which endpoints have tunnels, while the set of them changes, and when that is over.
///
/// Every endpoint has the same number of slots. A slot stops by itself only with an error that is
/// final, and the others go on. It is over when nothing is left that could have a tunnel.
struct TunnelEndpointsStateMachine<Endpoint: Hashable & Sendable>: Sendable {
  private struct Entry {
    var runningSlots: Int
    /// The first error with which a slot stopped.
    var error: TunnelError?
  }

  private enum Source {
    /// The set may change.
    case open
    case ended((any Error)?)
  }

  /// The slots of each endpoint: at least one.
  let slotCount: Int
  private var wanted: [Endpoint: Entry]
  private var source: Source
  private var isDraining: Bool

  init(slotCount: Int) {
    self.slotCount = max(1, slotCount)
    self.wanted = [:]
    self.source = .open
    self.isDraining = false
  }

  /// What a new set of endpoints changes.
  struct Change: Hashable, Sendable {
    /// Their slots are to be run.
    var added: Set<Endpoint> = []
    /// Their slots are to be drained.
    var removed: Set<Endpoint> = []
  }

  /// These are the endpoints from now on.
  mutating func update(to endpoints: Set<Endpoint>) -> Change {
    if self.isDraining { return Change() }
    let change = Change(
      added: endpoints.filter { self.wanted[$0] == nil },
      removed: Set(self.wanted.keys).subtracting(endpoints)
    )
    for endpoint in change.removed {
      self.wanted.removeValue(forKey: endpoint)
    }
    for endpoint in change.added {
      self.wanted[endpoint] = Entry(runningSlots: self.slotCount)
    }
    return change
  }

  /// The set changes no more.
  mutating func sourceEnded(_ error: (any Error)?) {
    self.source = .ended(error)
  }

  /// A slot of an endpoint has stopped.
  mutating func slotStopped(of endpoint: Endpoint, _ error: TunnelError?) {
    self.wanted[endpoint]?.runningSlots -= 1
    if let error, self.wanted[endpoint]?.error == nil {
      self.wanted[endpoint]?.error = error
    }
  }

  /// Nothing is dialled any more.
  mutating func beginDrain() {
    self.isDraining = true
  }

  func isWanted(_ endpoint: Endpoint) -> Bool {
    self.wanted[endpoint] != nil
  }

  /// How it ends.
  enum Outcome: Sendable {
    case finished
    case failed(any Error)
  }

  /// How it ends, once nothing can have a tunnel any more.
  var outcome: Outcome? {
    if self.isDraining { return .finished }
    if self.wanted.isEmpty {
      switch self.source {
      case .open: return nil
      case .ended(.none): return .finished
      case .ended(.some(let error)): return .failed(error)
      }
    }
    guard self.wanted.values.allSatisfy({ $0.runningSlots == 0 }) else { return nil }
    return self.wanted.values.lazy.compactMap(\.error).first.map { .failed($0) } ?? .finished
  }
}
