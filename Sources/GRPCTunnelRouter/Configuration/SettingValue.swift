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

internal import GRPCTunnel
internal import GRPCTunnelProtocol
internal import Logging

/// Why a text is not a value of a setting.
package struct SettingValueError: Error, CustomStringConvertible {
  var text: String
  /// Continues "it": "is not a size, such as 4MiB".
  var reason: String

  package var description: String {
    "'\(self.text)' \(self.reason)"
  }
}

/// Reads the values of settings.
enum SettingValue {
  static func toggle(_ text: String) throws(SettingValueError) -> Bool {
    switch text.lowercased() {
    case "true", "yes", "on", "1": return true
    case "false", "no", "off", "0": return false
    default: throw SettingValueError(text: text, reason: "is neither true nor false")
    }
  }

  /// An address to connect to.
  static func target(_ text: String) throws(SettingValueError) -> NetworkAddress {
    let address = try NetworkAddress(text)
    if address.port == 0 {
      throw SettingValueError(text: text, reason: "is not an address to connect to: its port is 0")
    }
    return address
  }

  static func logLevel(_ text: String) throws(SettingValueError) -> Logger.Level {
    guard let level = Logger.Level(rawValue: text) else {
      let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
      throw SettingValueError(text: text, reason: "is not one of \(levels)")
    }
    return level
  }

  static func path(_ text: String) throws(SettingValueError) -> String {
    if text.isEmpty { throw SettingValueError(text: text, reason: "is not the path of a file") }
    return text
  }

  static func secret(_ text: String) throws(SettingValueError) -> Secret {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw SettingValueError(text: text, reason: "must be of printable ASCII characters")
    }
    return Secret(text)
  }

  /// The name of a host, as it stands in a certificate.
  static func serverName(_ text: String) throws(SettingValueError) -> String {
    let isName = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
        UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
        true
      default:
        false
      }
    }
    guard !text.isEmpty, isName else {
      throw SettingValueError(text: text, reason: "is not the name of a host")
    }
    return text
  }

  /// The name of a service, with its package.
  static func service(_ text: String) throws(SettingValueError) -> String {
    let isName = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
        UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
      default:
        false
      }
    }
    guard (1 ... 256).contains(text.utf8.count), isName else {
      throw SettingValueError(text: text, reason: "is not the name of a service")
    }
    return text
  }

  /// How one of several tunnels is chosen.
  static func picker(_ text: String) throws(SettingValueError) -> ReverseTunnelPicker {
    switch text {
    case "round-robin": return .roundRobin
    case "least-outstanding": return .leastOutstanding
    default:
      throw SettingValueError(text: text, reason: "is neither round-robin nor least-outstanding")
    }
  }

  /// A number of things: at least one.
  static func count(_ text: String) throws(SettingValueError) -> Int {
    guard let (number, unit) = Self.quantity(text), unit.isEmpty, number == number.rounded(),
      number >= 1, number <= 1_000_000_000
    else {
      throw SettingValueError(text: text, reason: "is not a number from 1 to 1000000000")
    }
    return Int(number)
  }

  /// The name of a header that applications may use.
  static func header(_ text: String) throws(SettingValueError) -> String {
    let isName = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "0") ... UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default:
        false
      }
    }
    guard !text.isEmpty, isName, TransportHeaders.isApplicationKey(text), !text.hasSuffix("-bin"),
      text != Router.keyHeader
    else {
      throw SettingValueError(
        text: text,
        reason: "is not the name of a header for texts, in lower case"
      )
    }
    return text
  }

  /// The name of an agent, or of several that serve the same.
  static func key(_ text: String) throws(SettingValueError) -> String {
    let isPrintable = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    guard !text.isEmpty, isPrintable else {
      throw SettingValueError(
        text: text,
        reason: "is not a key: it must be of printable ASCII characters"
      )
    }
    return text
  }

  /// A number of bytes: `4194304`, `4096KiB`, `4MiB`.
  static func size(_ text: String) throws(SettingValueError) -> Int {
    let units = ["KiB": 1024, "MiB": 1024 * 1024, "GiB": 1024 * 1024 * 1024, "": 1]
    // Messages have a length of 32 bits, of which transports need some for more than the message.
    let maximum = 1024 * 1024 * 1024
    guard let (number, unit) = Self.quantity(text), let factor = units[unit],
      number <= Double(maximum / factor), number == number.rounded()
    else {
      throw SettingValueError(
        text: text,
        reason: "is not a size of at most 1GiB, such as 65536, 512KiB or 4MiB"
      )
    }
    return Int(number) * factor
  }

  /// A time: `500ms`, `30s`, `1.5m`, `2h`.
  static func duration(_ text: String) throws(SettingValueError) -> Duration {
    let units = ["ms": 0.001, "s": 1, "m": 60, "h": 3600]
    let quantity = Self.quantity(text)
    if let quantity, quantity.number == 0, quantity.unit.isEmpty { return .zero }
    guard let quantity, let factor = units[quantity.unit],
      quantity.number * factor <= 366 * 24 * 3600
    else {
      throw SettingValueError(text: text, reason: "is not a time, such as 500ms, 30s, 5m or 2h")
    }
    return .milliseconds(Int64((quantity.number * factor * 1000).rounded()))
  }

  /// A time between two looks at something.
  static func interval(_ text: String) throws(SettingValueError) -> Duration {
    let duration = try Self.duration(text)
    if duration < .milliseconds(100) {
      throw SettingValueError(text: text, reason: "is too short: it must be 100ms at least")
    }
    return duration
  }

  /// A number and the letters after it.
  private static func quantity(_ text: String) -> (number: Double, unit: String)? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(number.count)
    guard (1 ... 12).contains(number.count), let value = Double(number) else { return nil }
    return (value, String(unit))
  }
}
