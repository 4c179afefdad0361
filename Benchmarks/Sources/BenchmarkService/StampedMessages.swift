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

/// Messages of one size; some hold the time at which they were made, for the other end to see how
/// long they took. Both ends are on one machine, and so have one clock.
package struct StampedMessages {
  /// Every how many messages one has a time: the clock is not to be what is measured.
  private static let interval = 16

  private let plain: [UInt8]
  private var count = 0

  package init(size: Int) {
    self.plain = [UInt8](repeating: 0, count: size)
  }

  package mutating func next() -> [UInt8] {
    defer { self.count += 1 }
    guard self.count.isMultiple(of: Self.interval), self.plain.count >= 8 else { return self.plain }
    var message = self.plain
    withUnsafeBytes(of: MonotonicTime.now().nanoseconds.littleEndian) { stamp in
      for (index, byte) in stamp.enumerated() {
        message[index] = byte
      }
    }
    return message
  }

  /// How long a message has taken; nil for one without a time.
  package static func age(of message: [UInt8]) -> Duration? {
    guard message.count >= 8 else { return nil }
    let stamp = message.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard stamp > 0 else { return nil }
    return MonotonicTime(nanoseconds: stamp).duration(to: .now())
  }
}
