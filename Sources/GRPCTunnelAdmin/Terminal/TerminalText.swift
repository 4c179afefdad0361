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

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Numbers, sizes and times as people read them in a terminal.
package enum TerminalText {
  /// Text that tells a terminal nothing but what to show.
  package static func printable(_ text: String) -> String {
    String(
      text.unicodeScalars.map { scalar -> Character in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: " "
        default: Character(scalar)
        }
      }
    )
  }

  /// 1.25 MiB
  static func size(_ bytes: UInt64) -> String {
    var value = Double(bytes)
    var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
    while value >= 1023.5, units.count > 1 {
      value /= 1024
      units = units.dropFirst()
    }
    let unit = units.first ?? ""
    return unit == "B" ? "\(bytes) B" : "\(self.short(value)) \(unit)"
  }

  /// How long something lasts: `42 s`, `5 min`, `3 h 12 min`, `2 d 4 h`.
  static func age(_ seconds: Double) -> String {
    let seconds = Int(max(0, min(seconds, 1e9)))
    switch seconds {
    case ..<60: return "\(seconds) s"
    case ..<3600: return "\(seconds / 60) min"
    case ..<86_400: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
    default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
    }
  }

  /// A short time: 23.1 ms
  static func latency(_ seconds: Double) -> String {
    seconds < 1 ? "\(self.short(seconds * 1000)) ms" : "\(self.short(seconds)) s"
  }

  /// Three digits, or all before the point.
  private static func short(_ value: Double) -> String {
    let digits = value >= 99.5 || value == 0 ? 0 : value >= 9.95 ? 1 : 2
    let factor = [1.0, 10, 100][digits]
    // Whatever a server says, it is a number that can be shown.
    let scaled = Int(max(-1e15, min(value * factor, 1e15)).rounded())
    if digits == 0 { return "\(scaled)" }
    let fraction = String(scaled % Int(factor))
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return "\(scaled / Int(factor)).\(zeros)\(fraction)"
  }

  /// A text that orders numbers as numbers: shop-9 comes before shop-10.
  static func sortable(_ text: String) -> String {
    var result = ""
    var digits = ""
    for character in text + " " {
      if character.isASCII, character.isNumber {
        digits.append(character)
      } else {
        if !digits.isEmpty {
          result += String(repeating: "0", count: max(0, 20 - digits.count)) + digits
          digits = ""
        }
        result.append(character)
      }
    }
    return result
  }

  /// A moment in UTC, to the second.
  static func moment(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle())
  }
}
