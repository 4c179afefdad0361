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

/// How many bytes of message data may be sent on one stream in one direction (PROTOCOL.md 6).
package struct SendWindow: Sendable {
  /// The largest window that a peer may grant, in bytes: 2^31-1.
  package static let maximum = 2_147_483_647

  /// The bytes that may be sent now.
  package private(set) var available: Int

  private let isLimited: Bool

  private init(available: Int, isLimited: Bool) {
    self.available = available
    self.isLimited = isLimited
  }

  /// A window with the size that the peer announced.
  ///
  /// - Returns: nil when the size is above ``maximum``.
  package init?(announced size: UInt32) {
    guard size <= Self.maximum else { return nil }
    self.init(available: Int(size), isLimited: true)
  }

  /// Revision zero knows no windows.
  package static let unlimited = SendWindow(available: .max, isLimited: false)

  /// Takes credit for `count` bytes that are about to be sent; `count` is at most ``available``.
  package mutating func consume(_ count: Int) {
    guard self.isLimited else { return }
    self.available -= count
  }

  /// Adds what the peer granted.
  ///
  /// - Returns: false when the window would grow past ``maximum``, which is the peer's fault.
  package mutating func grow(by increment: UInt32) -> Bool {
    guard self.isLimited else { return true }
    guard increment <= Self.maximum - self.available else { return false }
    self.available += Int(increment)
    return true
  }
}
