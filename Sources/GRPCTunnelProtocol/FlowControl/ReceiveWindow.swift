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

/// What the peer may still send on one stream in one direction, and the credit to return to it
/// (PROTOCOL.md 6).
///
/// The window grows while much arrives and the application keeps up with it: then it is the window, and
/// not the application, that a sender at the end of a long path waits for. It shrinks again when the
/// application falls behind.
package struct ReceiveWindow: Sendable {
  /// No more than this many consumed bytes are kept from the peer, however large the window that was
  /// announced: some peers stop after 65,536 bytes whatever it was (PROTOCOL.md 12).
  package static let largestHeldCredit = 32_768

  /// Of what was granted beyond the announced window, which every peer counts, no more than this is
  /// kept.
  private static let largestHeldGrowth = 262_144

  /// A window that takes longer than this to be used up is not what its sender waits for, unless a
  /// round trip takes as long.
  private static let longestRound = Duration.milliseconds(500)

  /// The bytes that the peer may still send.
  package private(set) var available: Int

  /// By how many bytes the window is larger than announced.
  package private(set) var growth: Int

  /// Bytes consumed by the application whose credit has not been returned yet.
  private var unreturned: Int

  /// A round ends when as much as the window was consumed, or the window changed: the bytes consumed in
  /// this one, and the arrival with which it began.
  private var roundByteCount: Int
  private var roundStart: Duration

  private let announced: Int
  private let maximum: Int

  /// - Parameters:
  ///   - size: The window announced to the peer, in bytes.
  ///   - maximum: What it may grow to, in bytes.
  package init(size: UInt32, maximum: Int = 0) {
    self.available = Int(size)
    self.growth = 0
    self.unreturned = 0
    self.roundByteCount = 0
    self.roundStart = .zero
    self.announced = Int(size)
    self.maximum = min(maximum, SendWindow.maximum)
  }

  /// Takes note of `count` bytes that arrived.
  ///
  /// - Returns: false when the peer had no credit for them.
  package mutating func receive(_ count: Int) -> Bool {
    guard count <= self.available else { return false }
    self.available -= count
    return true
  }

  /// Takes note of `count` received bytes that the application consumed.
  package mutating func consume(_ count: Int) {
    self.unreturned += count
  }

  /// The increment to announce, once there is enough of it to be worth a frame.
  ///
  /// - Parameters:
  ///   - allowance: By how many bytes the window may grow now.
  ///   - arrival: When data arrived last.
  package mutating func takeUpdate(
    allowance: Int = 0,
    arrival: Duration = .zero
  ) -> UInt32? {
    guard self.unreturned >= self.threshold else { return nil }
    let consumed = self.unreturned
    self.unreturned = 0
    let change = self.change(consumed: consumed, allowance: allowance, arrival: arrival)
    self.growth += change
    self.available += consumed + change
    return UInt32(clamping: consumed + change)
  }

  private var threshold: Int {
    max(1, min(Self.largestHeldCredit, self.announced / 2))
      + min(Self.largestHeldGrowth, self.growth / 4)
  }

  /// By how much the window grows, or shrinks by keeping credit back.
  private mutating func change(consumed: Int, allowance: Int, arrival: Duration) -> Int {
    if self.roundByteCount == 0 { self.roundStart = arrival }
    self.roundByteCount += consumed
    let size = self.announced + self.growth
    let backlog = size - self.available - consumed
    guard backlog <= size / 2 else {
      self.roundByteCount = 0
      return -min(consumed / 2, self.growth)
    }
    guard self.roundByteCount >= size else { return 0 }
    guard arrival - self.roundStart <= Self.longestRound else {
      self.roundByteCount = 0
      return 0
    }
    // Doubled after each round in which the application let little pile up.
    guard backlog <= size / 4 else { return 0 }
    self.roundByteCount = 0
    return max(0, min(size, self.maximum - size, allowance))
  }
}
