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
internal import TunnelSimulation

/// Messages as no sane encoder would write them, though nearly all are valid.
extension SeededGenerator {
  /// Fields of `schema` in any order and number, with unknown and mistyped ones between them.
  mutating func wireMessage(_ schema: MessageSchema, isMapEntry: Bool = false) -> [UInt8] {
    var wire = WireBytes()
    for _ in 0 ..< self.pick([0, 1, 2, 3, 4, self.int(below: 10)]) {
      if schema.fields.isEmpty || self.isOne(in: 8) {
        self.appendUnknownField(to: &wire, depth: 0)
      } else if self.isOne(in: 12), !isMapEntry {
        // Within map entries SwiftProtobuf misreads these: see `Disagreement`.
        self.appendMistypedField(of: schema, to: &wire)
      } else {
        let field = self.pick(schema.fields)
        self.appendField(field.number, field.kind, to: &wire)
      }
    }
    return wire.bytes
  }

  private mutating func appendField(
    _ number: UInt32,
    _ kind: MessageSchema.FieldKind,
    to wire: inout WireBytes
  ) {
    switch kind {
    case .varint:
      self.appendTag(number, .varint, to: &wire)
      self.appendVarint(to: &wire)
    case .repeatedEnum:
      if self.isOne(in: 2) {
        self.appendTag(number, .varint, to: &wire)
        self.appendVarint(to: &wire)
      } else {
        var packed = WireBytes()
        for _ in 0 ..< self.int(below: 4) {
          self.appendVarint(to: &packed)
        }
        self.appendTag(number, .lengthDelimited, to: &wire)
        wire.delimited(packed.bytes)
      }
    case .string:
      var utf8 = Array(self.string().utf8)
      if self.isOne(in: 400) {
        utf8 += self.bytes(count: 2)
      }
      self.appendTag(number, .lengthDelimited, to: &wire)
      wire.delimited(utf8)
    case .bytes:
      self.appendTag(number, .lengthDelimited, to: &wire)
      wire.delimited(self.bytes())
    case .message(let schema):
      self.appendTag(number, .lengthDelimited, to: &wire)
      wire.delimited(self.wireMessage(schema))
    case .mapEntry(let schema):
      self.appendTag(number, .lengthDelimited, to: &wire)
      wire.delimited(self.wireMessage(schema, isMapEntry: true))
    }
  }

  private mutating func appendMistypedField(of schema: MessageSchema, to wire: inout WireBytes) {
    let (number, kind) = self.pick(schema.fields)
    let wireTypes: [ProtobufWireType]
    switch kind {
    case .varint:
      wireTypes = [.fixed64, .fixed32, .lengthDelimited, .startGroup]
    case .repeatedEnum:
      wireTypes = [.fixed64, .fixed32, .startGroup]
    case .string, .bytes, .message, .mapEntry:
      wireTypes = [.varint, .fixed64, .fixed32, .startGroup]
    }
    self.appendUnknownValue(number, self.pick(wireTypes), to: &wire, depth: 0)
  }

  private mutating func appendUnknownField(to wire: inout WireBytes, depth: Int) {
    let number = self.pick([16, 99, 2048, 1 << 18, 1 << 25, (1 << 29) - 1])
    let wireTypes: [ProtobufWireType] = [
      .varint, .fixed64, .fixed32, .lengthDelimited, .startGroup,
    ]
    self.appendUnknownValue(UInt32(number), self.pick(wireTypes), to: &wire, depth: depth)
  }

  private mutating func appendUnknownValue(
    _ number: UInt32,
    _ wireType: ProtobufWireType,
    to wire: inout WireBytes,
    depth: Int
  ) {
    self.appendTag(number, wireType, to: &wire)
    switch wireType {
    case .varint:
      self.appendVarint(to: &wire)
    case .fixed64:
      wire.raw(self.bytes(count: 8))
    case .lengthDelimited:
      wire.delimited(self.bytes())
    case .startGroup:
      if depth < 4 {
        for _ in 0 ..< self.int(below: 3) {
          self.appendUnknownField(to: &wire, depth: depth + 1)
        }
      }
      wire.tag(number, .endGroup)
    case .endGroup:
      ()
    case .fixed32:
      wire.raw(self.bytes(count: 4))
    }
  }

  private mutating func appendTag(
    _ number: UInt32,
    _ wireType: ProtobufWireType,
    to wire: inout WireBytes
  ) {
    // Tags may be padded up to five bytes.
    let padding = self.isOne(in: 20) && number < 16 ? self.int(below: 5) : 0
    wire.tag(number, wireType, padding: padding)
  }

  private mutating func appendVarint(to wire: inout WireBytes) {
    let value = self.bits64()
    let room = ProtobufSizer.sizeOfVarint(value)
    wire.varint(value, padding: self.isOne(in: 10) ? self.int(below: 11 - room) : 0)
  }

  /// Changes a few bytes here and there.
  mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0 ... self.int(below: 3) {
      let position = self.int(below: bytes.count + 1)
      switch self.int(below: 6) {
      case 0:
        bytes.insert(UInt8(truncatingIfNeeded: self.next()), at: position)
      case 1:
        bytes.removeLast(bytes.count - position)
      case 2:
        let end = position + self.int(below: bytes.count - position + 1)
        bytes.insert(contentsOf: bytes[position ..< end], at: position)
      case 3 where position < bytes.count:
        bytes.remove(at: position)
      case 4 where position < bytes.count:
        bytes[position] ^= 1 << UInt8(self.int(below: 8))
      case 5 where position < bytes.count:
        bytes[position] = self.pick([0, 1, 0x7f, 0x80, 0xff, UInt8(self.int(below: 256))])
      default:
        ()
      }
    }
    return bytes
  }
}
