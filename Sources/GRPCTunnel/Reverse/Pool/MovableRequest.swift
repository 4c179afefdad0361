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

/// What an RPC has sent, kept for as long as the RPC can be moved to another tunnel (PROTOCOL.md 10).
///
/// It can be moved until the first frame for it has arrived, unless it has sent more than is kept.
/// While it is moved, everyone else waits: so what was sent before is sent again as a whole, and
/// everything later goes to the new tunnel.
struct MovableRequest: Sendable {
  typealias Part = RPCRequestPart<TunnelMessageBytes>

  /// The most message data that is kept, in bytes: one initial window.
  static let maximumByteCount = 65_536

  /// The most messages that are kept: small ones take memory too.
  static let maximumMessageCount = 1024

  private enum State: Sendable {
    /// Nothing has come back, and all that was sent is kept.
    case movable(Kept)
    case moving(Kept)
    /// The RPC stays where it is.
    case settled
    case failed(RPCError)
  }

  private struct Kept: Sendable {
    var parts: [Item] = []
    var byteCount = 0
  }

  /// Something that was sent.
  enum Item: Sendable {
    case part(Part)
    /// The request is complete.
    case end

    fileprivate var isEnd: Bool {
      switch self {
      case .part: false
      case .end: true
      }
    }
  }

  private var state: State = .movable(Kept())

  /// Which tunnel the RPC is in: the first, the second, and so on.
  private(set) var attempt = 0

  // MARK: - Sending

  /// What becomes of something that is to be sent.
  enum SendResult: Sendable {
    /// Send it in the tunnel of this attempt.
    case send(attempt: Int)
    /// Try again when the RPC has been moved.
    case wait
    case failed(RPCError)
  }

  mutating func send(_ item: Item) -> SendResult {
    switch self.state {
    case .movable(var kept):
      // Not two references to what is kept.
      self.state = .settled
      if case .part(.message(let message)) = item { kept.byteCount += message.count }
      // With the metadata and the end, which are always kept.
      let hasRoom = kept.parts.count <= Self.maximumMessageCount || item.isEnd
      if kept.byteCount <= Self.maximumByteCount, hasRoom {
        kept.parts.append(item)
        self.state = .movable(kept)
      }
      return .send(attempt: self.attempt)
    case .settled:
      return .send(attempt: self.attempt)
    case .moving:
      return .wait
    case .failed(let error):
      return .failed(error)
    }
  }

  // MARK: - Moving

  /// What becomes of an RPC that went wrong in a tunnel.
  enum FailureResult: Sendable {
    /// Send these in another tunnel, then say so with ``moved()``, or give up.
    case move([Item])
    /// It is being moved: ask again when that is done.
    case wait
    /// It is in another tunnel already.
    case moved
    /// It stays: what went wrong is its end.
    case settled
    case failed(RPCError)
  }

  /// Something went wrong in the tunnel of an attempt.
  ///
  /// - Parameter isUnprocessed: Whether the tunnel said, before this was asked, that it has not
  ///   processed the RPC and will not. One that the RPC has left does not say so any more.
  mutating func failed(attempt: Int, isUnprocessed: Bool) -> FailureResult {
    guard attempt == self.attempt else {
      if case .failed(let error) = self.state { return .failed(error) }
      return .moved
    }
    guard isUnprocessed else { return .settled }
    switch self.state {
    case .movable(let kept):
      self.state = .moving(kept)
      return .move(kept.parts)
    case .moving:
      return .wait
    case .settled:
      return .settled
    case .failed(let error):
      return .failed(error)
    }
  }

  /// All that was kept has been sent in another tunnel.
  ///
  /// - Returns: Whether the RPC still needs it.
  mutating func moved() -> Bool {
    guard case .moving(let kept) = self.state else { return false }
    self.attempt += 1
    self.state = .movable(kept)
    return true
  }

  /// There is no other tunnel: the refusal is the RPC's end.
  mutating func stayed() {
    if case .moving = self.state { self.state = .settled }
  }

  /// Something has come back from the tunnel of an attempt: the RPC stays there.
  ///
  /// - Returns: false when the RPC is in another tunnel already.
  mutating func settle(attempt: Int) -> Bool {
    guard attempt == self.attempt else { return false }
    if case .movable = self.state { self.state = .settled }
    return true
  }

  /// The RPC has failed at this end, or is over.
  mutating func fail(_ error: RPCError) {
    switch self.state {
    case .movable, .moving, .settled: self.state = .failed(error)
    case .failed: ()
    }
  }

  /// The error with which the RPC has failed.
  var error: RPCError? {
    switch self.state {
    case .failed(let error): error
    case .movable, .moving, .settled: nil
    }
  }
}
