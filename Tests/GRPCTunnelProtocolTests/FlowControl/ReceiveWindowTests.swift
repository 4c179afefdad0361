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

@Suite("Receive window (PROTOCOL.md 6)")
struct ReceiveWindowTests {
  @Test("The peer may send what was announced, and no more")
  func limit() {
    var window = ReceiveWindow(size: 10)
    #expect(window.receive(10) == true)
    #expect(window.receive(1) == false)
    #expect(window.available == 0)
  }

  @Test("Data that arrived returns no credit before it is consumed")
  func arrivalAlone() {
    var window = ReceiveWindow(size: 65_536)
    #expect(window.receive(65_536) == true)
    #expect(window.takeUpdate() == nil)
  }

  @Test(
    "Credit is held back up to half the window, and never more than 32 KiB",
    arguments: [
      (1, 1), (2, 1), (10, 5), (65_535, 32_767), (65_536, 32_768), (1_000_000, 32_768),
      (2_147_483_647, 32_768),
    ] as [(UInt32, Int)]
  )
  func batching(size: UInt32, threshold: Int) {
    var window = ReceiveWindow(size: size)
    #expect(window.receive(threshold) == true)
    window.consume(threshold - 1)
    #expect(window.takeUpdate() == nil)
    window.consume(1)
    #expect(window.takeUpdate() == UInt32(threshold))
    #expect(window.takeUpdate() == nil, "Returned twice")
    #expect(window.available == Int(size))
  }

  @Test("Consumed credit is returned in one update")
  func sums() {
    var window = ReceiveWindow(size: 100_000)
    #expect(window.receive(100_000) == true)
    for _ in 0 ..< 10 { window.consume(10_000) }
    #expect(window.takeUpdate() == 100_000)
    #expect(window.available == 100_000)
  }

  @Test("However the application reads, what is held back never reaches the window")
  func neverStarves() {
    var random = SeededGenerator(seed: 6)
    for size in [1, 2, 3, 100, 65_536, 300_000] as [UInt32] {
      var window = ReceiveWindow(size: size)
      for _ in 0 ..< 200 {
        let count = 1 + random.int(below: window.available)
        #expect(window.receive(count) == true)
        window.consume(count)
        _ = window.takeUpdate()
        #expect(window.available > 0)
        #expect(window.available >= Int(size) - 32_767)
      }
    }
  }

  @Test("The window doubles with each window that the application takes at once, up to its maximum")
  func grows() {
    var window = ReceiveWindow(size: 65_536, maximum: 300_000)
    var granted = 65_536
    var received = 0
    while received < 10_000_000 {
      let count = min(16_384, window.available)
      #expect(window.receive(count) == true)
      received += count
      window.consume(count)
      granted += Int(window.takeUpdate(allowance: .max) ?? 0)
    }
    #expect(window.growth == 300_000 - 65_536)
    #expect(window.available == granted - received)
  }

  @Test("The window grows by no more than the allowance")
  func allowance() {
    var window = ReceiveWindow(size: 65_536, maximum: 1_000_000)
    for _ in 0 ..< 100 {
      #expect(window.receive(32_768) == true)
      window.consume(32_768)
      _ = window.takeUpdate(allowance: 1000 - window.growth)
    }
    #expect(window.growth == 1000)
  }

  @Test("The window stays as it is while the application is slow")
  func slowReader() {
    var window = ReceiveWindow(size: 65_536, maximum: 1_000_000)
    // All that may be under way has arrived when the application takes something.
    #expect(window.receive(65_536) == true)
    for _ in 0 ..< 100 {
      window.consume(32_768)
      #expect(window.takeUpdate(allowance: .max) == 32_768)
      #expect(window.receive(32_768) == true)
    }
    #expect(window.growth == 0)
  }

  @Test("A window that has grown shrinks when the application falls behind")
  func shrinks() {
    var window = ReceiveWindow(size: 65_536, maximum: 1_000_000)
    while window.growth < 1_000_000 - 65_536 {
      #expect(window.receive(16_384) == true)
      window.consume(16_384)
      _ = window.takeUpdate(allowance: .max)
    }
    _ = window.receive(window.available)
    for _ in 0 ..< 1000 {
      window.consume(16_384)
      _ = window.takeUpdate(allowance: .max)
      _ = window.receive(window.available)
    }
    // To about that, for the last of it no longer fills up.
    #expect(window.growth < 32_768)
  }

  @Test("Of a window that was announced large, no more is held back than of a small one")
  func announcedLarge() {
    var window = ReceiveWindow(size: 1_000_000, maximum: 4_000_000)
    #expect(window.receive(32_768) == true)
    window.consume(32_768)
    #expect(window.takeUpdate(allowance: .max) == 32_768)
  }

  @Test(
    "A window that lasts long stays as it is: it is not what the peer waits for",
    arguments: [(500, 65_536), (501, 0)]
  )
  func slowSender(milliseconds: Int, growth: Int) {
    var window = ReceiveWindow(size: 65_536, maximum: 1_000_000)
    for arrival in [Duration.seconds(7), .seconds(7) + .milliseconds(milliseconds)] {
      #expect(window.receive(32_768) == true)
      window.consume(32_768)
      #expect(window.takeUpdate(allowance: .max, arrival: arrival) != nil)
    }
    #expect(window.growth == growth)
  }
}
