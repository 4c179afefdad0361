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

package import GRPCCore
internal import GRPCTunnelProtocol

extension Metadata {
  /// What is passed on from one hop to the next: without the headers of a hop, and without what
  /// would not be valid in HTTP/2, where one peer's bad header could end another's connection.
  ///
  /// - Parameter isCarrier: Whether the RPC opens a tunnel, whose own headers are passed on then.
  package func forwardable(isCarrier: Bool = false) -> Metadata {
    var result = Metadata()
    result.reserveCapacity(self.count)
    for (key, value) in self {
      guard let key = Self.forwardableKey(key, isCarrier: isCarrier) else { continue }
      switch value {
      case .binary(let bytes):
        result.addBinary(bytes, forKey: key)
      case .string(let string):
        guard let string = Self.forwardableValue(string) else { continue }
        if key.hasSuffix("-bin"), string.utf8.contains(UInt8(ascii: ",")) {
          // Several values may be joined on the way; the transport does not take them apart.
          for part in string.split(separator: ",") {
            Self.forwardableValue(String(part)).map { result.addString($0, forKey: key) }
          }
        } else {
          result.addString(string, forKey: key)
        }
      }
    }
    return result
  }

  /// The key in lower case; nil when it belongs to the hop or is no name of a header.
  private static func forwardableKey(_ key: String, isCarrier: Bool) -> String? {
    var hasUppercase = false
    for byte in key.utf8 {
      switch byte {
      case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "0") ... UInt8(ascii: "9"):
        ()
      case UInt8(ascii: "A") ... UInt8(ascii: "Z"):
        hasUppercase = true
      case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        ()
      case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
        UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
        UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
        ()
      default:
        return nil
      }
    }
    let key = hasUppercase ? key.lowercased() : key
    if isCarrier, TransportHeaders.isCarrierKey(key) { return key }
    return !key.isEmpty && TransportHeaders.isApplicationKey(key) ? key : nil
  }

  /// The value without spaces around it; nil when it holds control characters.
  private static func forwardableValue(_ value: String) -> String? {
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    guard value.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x09 }) else { return nil }
    guard value.utf8.first.map(isBlank) ?? false || value.utf8.last.map(isBlank) ?? false else {
      return value
    }
    let bytes = value.utf8.drop(while: isBlank)
    guard let end = bytes.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(decoding: bytes[...end], as: UTF8.self)
  }
}
