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

internal import TunnelSimulation

extension SeededGenerator {
  /// Any length of bits is as likely as any other, and the ends of ranges are frequent.
  mutating func bits64() -> UInt64 {
    switch self.int(below: 8) {
    case 0:
      self.pick([0, 1, 0x7f, 0x80, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, .max])
    default:
      self.next() >> UInt64(self.int(below: 64))
    }
  }

  mutating func bytes(count: Int) -> [UInt8] {
    (0 ..< count).map { _ in UInt8(truncatingIfNeeded: self.next()) }
  }

  mutating func bytes() -> [UInt8] {
    self.bytes(count: self.pick([0, 1, self.int(below: 16), self.int(below: 300)]))
  }

  mutating func string() -> String {
    let alphabets: [[Character]] = [
      Array("abcdefghijklmnopqrstuvwxyz0123456789-_./:% "),
      Array("\0\u{1}\u{7f}\u{80}é\u{7ff}\u{800}漢\u{d7ff}\u{e000}\u{ffff}\u{10000}🦤\u{10ffff}"),
    ]
    let alphabet = self.isOne(in: 3) ? alphabets[1] : alphabets[0]
    let count = self.pick([0, 1, self.int(below: 10), self.int(below: 15), self.int(below: 150)])
    return String((0 ..< count).map { _ in self.pick(alphabet) })
  }
}
