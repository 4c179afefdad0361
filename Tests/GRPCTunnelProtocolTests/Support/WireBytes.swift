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

/// Protobuf written by hand, without the code under test.
struct WireBytes {
  private(set) var bytes: [UInt8] = []

  /// Writes a varint, `padding` bytes longer than it need be.
  mutating func varint(_ value: UInt64, padding: Int = 0) {
    var value = value
    while value >= 0x80 {
      self.bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    self.bytes.append(UInt8(truncatingIfNeeded: value))

    if padding > 0 {
      self.bytes[self.bytes.count - 1] |= 0x80
      self.bytes += [UInt8](repeating: 0x80, count: padding - 1) + [0]
    }
  }

  mutating func tag(_ field: UInt32, _ wireType: ProtobufWireType, padding: Int = 0) {
    self.varint(UInt64(field) << 3 | UInt64(wireType.rawValue), padding: padding)
  }

  mutating func raw(_ bytes: some Sequence<UInt8>) {
    self.bytes += bytes
  }

  mutating func delimited(_ bytes: [UInt8]) {
    self.varint(UInt64(bytes.count))
    self.raw(bytes)
  }

  static func varint(_ value: UInt64, field: UInt32) -> [UInt8] {
    var wire = WireBytes()
    wire.tag(field, .varint)
    wire.varint(value)
    return wire.bytes
  }

  static func delimited(_ bytes: some Sequence<UInt8>, field: UInt32) -> [UInt8] {
    var wire = WireBytes()
    wire.tag(field, .lengthDelimited)
    wire.delimited(Array(bytes))
    return wire.bytes
  }

  /// Groups within each other, `depth` of them.
  static func groups(depth: Int, field: UInt32 = 1000) -> [UInt8] {
    var wire = WireBytes()
    for _ in 0 ..< depth {
      wire.tag(field, .startGroup)
    }
    for _ in 0 ..< depth {
      wire.tag(field, .endGroup)
    }
    return wire.bytes
  }
}
