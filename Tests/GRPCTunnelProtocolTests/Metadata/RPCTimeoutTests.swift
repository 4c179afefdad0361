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

@Suite("Deadlines as headers (PROTOCOL.md 4)")
struct RPCTimeoutTests {
  @Test(
    "Every unit is read",
    arguments: [
      ("1H", .seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
      ("4m", .milliseconds(4)), ("5u", .microseconds(5)), ("6n", .nanoseconds(6)),
    ] as [(String, Duration)]
  )
  func units(value: String, duration: Duration) {
    #expect(RPCTimeout.decode(value) == duration)
  }

  @Test("One to eight digits are read, no fewer and no more", arguments: 0 ... 9)
  func digits(count: Int) {
    let digits = String(repeating: "7", count: count)
    let expected = (1 ... 8).contains(count) ? Int64(digits).map { Duration.seconds($0) } : nil
    #expect(RPCTimeout.decode(digits + "S") == expected)
  }

  @Test(
    "Zero is a deadline that has passed, not the absence of one",
    arguments: ["0S", "00000000n", "0H"]
  )
  func zero(value: String) {
    #expect(RPCTimeout.decode(value) == .zero)
  }

  @Test("More hours than Go takes are cut", arguments: ["2562047H", "2562048H", "99999999H"])
  func hours(value: String) {
    #expect(RPCTimeout.decode(value) == .seconds(2_562_047 * 3600))
  }

  @Test(
    "Anything else counts as no deadline",
    arguments: [
      "", "S", "1", "-5S", "+5S", "5s", "5 S", " 5S", "5S ", "1.5S", "0x5S", "5h", "5SS", "S5",
      "\u{0665}S", "5\u{0}", "5Ｓ", "１S", "123456789S", "-1n", "12345678901234567890S",
    ]
  )
  func junk(value: String) {
    #expect(RPCTimeout.decode(value) == nil)
  }

  @Test(
    "The finest unit with at most seven digits is written",
    arguments: [
      (.nanoseconds(1), "1n"), (.nanoseconds(9_999_999), "9999999n"),
      (.nanoseconds(10_000_000), "10000u"), (.microseconds(9_999_999), "9999999u"),
      (.seconds(10), "10000m"), (.seconds(100), "100000m"), (.milliseconds(9_998_999), "9998999m"),
      (.seconds(10_000), "10000S"), (.seconds(9_999_999), "9999999S"),
      (.seconds(10_000_000), "166667M"), (.seconds(9_999_999 * 60), "9999999M"),
      (.seconds(10_000_000 * 60), "166667H"),
    ] as [(Duration, String)]
  )
  func encoding(duration: Duration, value: String) {
    #expect(RPCTimeout.encode(duration) == value)
  }

  @Test(
    "Fractions are rounded up",
    arguments: [
      (Duration(secondsComponent: 0, attosecondsComponent: 1), "1n"),
      (.nanoseconds(10_000_001), "10001u"), (.microseconds(10_000_001), "10001m"),
      (.milliseconds(10_000_001), "10001S"), (.seconds(9_999_999) + .nanoseconds(1), "166667M"),
    ] as [(Duration, String)]
  )
  func rounding(duration: Duration, value: String) {
    #expect(RPCTimeout.encode(duration) == value)
  }

  @Test(
    "A deadline that has passed is written as the shortest one",
    arguments: [.zero, .seconds(-1), .nanoseconds(-1), .seconds(Int64.min)] as [Duration]
  )
  func passed(duration: Duration) {
    #expect(RPCTimeout.encode(duration) == "1n")
  }

  @Test(
    "Nothing above 2562047H is written",
    arguments: [
      .seconds(2_562_047 * 3600), .seconds(2_562_048 * 3600), .seconds(Int64.max),
      .seconds(Int64.max) + .nanoseconds(1),
    ] as [Duration]
  )
  func longest(duration: Duration) {
    #expect(RPCTimeout.encode(duration) == "2562047H")
  }

  @Test("What is written has at most seven digits and reads as no shorter")
  func roundTrip() throws {
    var random = SeededGenerator(seed: 4)
    for _ in 0 ..< 20_000 {
      let seconds = Int64(random.next() >> UInt64(31 + random.int(below: 33)))
      let attoseconds = Int64(random.next() >> 4) % 1_000_000_000_000_000_000
      let duration = Duration(
        secondsComponent: seconds,
        attosecondsComponent: random.isOne(in: 3) ? 0 : attoseconds
      )
      guard duration <= .seconds(2_562_047 * 3600) else { continue }
      let value = RPCTimeout.encode(duration)
      #expect(value.utf8.count <= 8)
      let decoded = try #require(RPCTimeout.decode(value))
      #expect(decoded >= duration)
      // Seven digits lose little: below ten million of a unit comes a coarser one 1000 times less.
      #expect(decoded <= max(duration * 1.001, duration + .nanoseconds(1)))
    }
  }
}
