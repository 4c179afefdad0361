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

/// The header `grpc-timeout`: how a deadline travels with an RPC.
///
/// GRPCCore traps on negative values, ignores those of eight digits and writes such itself, so
/// every value from outside goes through here before core sees it, and every value leaves through
/// here (PROTOCOL.md 4).
package enum RPCTimeout {
  package static let key = "grpc-timeout"

  /// More digits than this are not understood everywhere.
  private static let maximumAmount: Int64 = 9_999_999

  /// The Go implementation overflows above this many hours.
  private static let maximumHours: Int64 = 2_562_047

  /// Reads a value: one to eight ASCII digits and a unit.
  ///
  /// - Returns: nil for anything else, which counts as no deadline.
  package static func decode(_ value: String) -> Duration? {
    let digits = value.utf8.dropLast()
    guard let unit = value.utf8.last, (1 ... 8).contains(digits.count) else { return nil }
    var amount: Int64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      amount = amount * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    switch unit {
    case UInt8(ascii: "H"): return .seconds(min(amount, Self.maximumHours) * 3600)
    case UInt8(ascii: "M"): return .seconds(amount * 60)
    case UInt8(ascii: "S"): return .seconds(amount)
    case UInt8(ascii: "m"): return .milliseconds(amount)
    case UInt8(ascii: "u"): return .microseconds(amount)
    case UInt8(ascii: "n"): return .nanoseconds(amount)
    default: return nil
    }
  }

  /// Writes a value of at most seven digits, rounded up; a deadline that has passed becomes the
  /// shortest one there is.
  package static func encode(_ duration: Duration) -> String {
    guard duration > .zero else { return "1n" }
    let (seconds, attoseconds) = duration.components
    if seconds < 10 {
      // Less than 10^19 attoseconds: fits, and so does every finer unit.
      let nanoseconds = seconds * 1_000_000_000 + Self.divideUp(attoseconds, by: 1_000_000_000)
      if nanoseconds <= Self.maximumAmount { return "\(nanoseconds)n" }
      let microseconds = Self.divideUp(nanoseconds, by: 1000)
      if microseconds <= Self.maximumAmount { return "\(microseconds)u" }
    }
    if seconds < Self.maximumAmount / 1000 {
      let fraction = Self.divideUp(attoseconds, by: 1_000_000_000_000_000)
      return "\(seconds * 1000 + fraction)m"
    }
    let wholeSeconds = attoseconds > 0 && seconds < .max ? seconds + 1 : seconds
    if wholeSeconds <= Self.maximumAmount { return "\(wholeSeconds)S" }
    let minutes = Self.divideUp(wholeSeconds, by: 60)
    if minutes <= Self.maximumAmount { return "\(minutes)M" }
    return "\(min(Self.divideUp(minutes, by: 60), Self.maximumHours))H"
  }

  private static func divideUp(_ value: Int64, by divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder > 0 ? quotient + 1 : quotient
  }
}
