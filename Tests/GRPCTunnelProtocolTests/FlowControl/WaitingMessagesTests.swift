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

internal import GRPCTunnelProtocol
internal import Testing
internal import TunnelSimulation

@Suite("Messages that wait")
struct WaitingMessagesTests {
  private func message(_ size: Int) -> ArraySlice<UInt8> {
    ArraySlice(repeating: UInt8(truncatingIfNeeded: size), count: size)
  }

  @Test("Small messages are packed once 64 wait, larger ones never")
  func cost() {
    var messages = WaitingMessages()
    for _ in 0 ..< 64 { messages.append(self.message(10), heldCredit: 10) }
    #expect(messages.byteCount == 64 * 74)
    messages.append(self.message(255), heldCredit: 255)
    #expect(messages.byteCount == 64 * 74 + 256)
    messages.append(self.message(256), heldCredit: 256)
    #expect(messages.byteCount == 64 * 74 + 256 + 320)
    messages.append([], heldCredit: 0)
    #expect(messages.byteCount == 64 * 74 + 256 + 320 + 1)
  }

  @Test("Messages come out in order and as they were, and cost nothing afterwards")
  func order() throws {
    for seed in 0 ..< 20 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      var messages = WaitingMessages()
      var (expected, taken): ([ArraySlice<UInt8>], [ArraySlice<UInt8>]) = ([], [])
      for step in 0 ..< 2000 {
        // More come than go at first, then more go than come.
        if random.int(below: 10) < (step < 1000 ? 6 : 4) {
          let message = self.message(random.int(below: random.isOne(in: 8) ? 5000 : 300))
          // Only the first can have been awaited.
          let heldCredit = messages.isEmpty ? message.count / 2 : message.count
          messages.append(message, heldCredit: heldCredit)
          expected.append(message)
        } else if let next = messages.popFirst() {
          #expect(next.heldCredit == next.bytes.count || next.heldCredit == next.bytes.count / 2)
          taken.append(next.bytes)
        }
        #expect(messages.count == expected.count - taken.count)
      }
      while let next = messages.popFirst() { taken.append(next.bytes) }
      #expect(taken == expected)
      #expect(messages.isEmpty && messages.count == 0 && messages.byteCount == 0)
    }
  }
}
