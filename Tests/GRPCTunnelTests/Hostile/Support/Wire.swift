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

/// Protobuf written by hand: what the codec would never write.
enum Wire {
  static func varint(_ value: UInt64) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    return bytes + [UInt8(truncatingIfNeeded: value)]
  }

  static func field(_ number: UInt64, varint value: UInt64) -> [UInt8] {
    self.varint(number << 3) + self.varint(value)
  }

  static func field(_ number: UInt64, _ bytes: [UInt8]...) -> [UInt8] {
    let bytes = bytes.flatMap { $0 }
    return self.varint(number << 3 | 2) + self.varint(UInt64(bytes.count)) + bytes
  }

  /// A frame of either direction.
  static func frame(_ id: StreamID, _ payload: [UInt8]) -> [UInt8] {
    self.field(1, varint: UInt64(bitPattern: id.rawValue)) + payload
  }

  /// An entry of `Metadata.md`.
  static func metadataEntry(key: [UInt8], value: [UInt8]) -> [UInt8] {
    self.field(1, self.field(1, key), self.field(2, self.field(1, value)))
  }

  /// The same bytes over and over.
  static func repeated(_ bytes: [UInt8], count: Int) -> [UInt8] {
    var all: [UInt8] = []
    all.reserveCapacity(bytes.count * count)
    for _ in 0 ..< count {
      all += bytes
    }
    return all
  }

  /// Not UTF-8.
  static let notText: [UInt8] = [0x61, 0xff, 0x62]
}
