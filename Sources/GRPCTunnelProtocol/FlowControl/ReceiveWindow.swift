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
package struct ReceiveWindow: Sendable {
  /// No more than this many consumed bytes are kept from the peer, however large the window is:
  /// some peers stop after 65,536 bytes whatever was announced (PROTOCOL.md 12).
  package static let largestHeldCredit = 32_768

  /// The bytes that the peer may still send.
  package private(set) var available: Int

  /// Bytes consumed by the application whose credit has not been returned yet.
  private var unreturned: Int

  private let threshold: Int

  package init(size: UInt32) {
    self.available = Int(size)
    self.unreturned = 0
    self.threshold = max(1, min(Self.largestHeldCredit, Int(size) / 2))
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
  package mutating func takeUpdate() -> UInt32? {
    guard self.unreturned >= self.threshold else { return nil }
    let increment = UInt32(clamping: self.unreturned)
    self.available += Int(increment)
    self.unreturned -= Int(increment)
    return increment
  }
}
