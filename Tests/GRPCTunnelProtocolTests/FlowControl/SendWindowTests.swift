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

@Suite("Send window (PROTOCOL.md 6)")
struct SendWindowTests {
  @Test(
    "A window above 2^31-1 is an error, zero is legal",
    arguments: [
      (0, 0), (1, 1), (65_536, 65_536), (2_147_483_647, 2_147_483_647), (2_147_483_648, nil),
      (UInt32.max, nil),
    ] as [(UInt32, Int?)]
  )
  func announced(size: UInt32, available: Int?) {
    #expect(SendWindow(announced: size)?.available == available)
  }

  @Test("Sending uses credit up, updates add to it")
  func credit() throws {
    var window = try #require(SendWindow(announced: 100))
    window.consume(100)
    #expect(window.available == 0)
    #expect(window.grow(by: 30) == true)
    #expect(window.available == 30)
  }

  @Test("An update of 0 changes nothing")
  func emptyUpdate() throws {
    var window = try #require(SendWindow(announced: 5))
    #expect(window.grow(by: 0) == true)
    #expect(window.available == 5)
  }

  @Test("Growing past 2^31-1 is refused, and up to it is not")
  func growth() throws {
    var window = try #require(SendWindow(announced: 65_536))
    #expect(window.grow(by: .max) == false)
    #expect(window.grow(by: UInt32(SendWindow.maximum) - 65_535) == false)
    #expect(window.available == 65_536)
    #expect(window.grow(by: UInt32(SendWindow.maximum) - 65_536) == true)
    #expect(window.available == SendWindow.maximum)
    #expect(window.grow(by: 1) == false)
  }

  @Test("At revision zero nothing limits the sender, whatever updates come")
  func unlimited() {
    var window = SendWindow.unlimited
    window.consume(1 << 40)
    #expect(window.grow(by: .max) == true)
    #expect(window.grow(by: .max) == true)
    #expect(window.available == .max)
  }
}
