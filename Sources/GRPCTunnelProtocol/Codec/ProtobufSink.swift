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

/// Takes in what a message is made of, in order.
///
/// A message describes itself once, in `encode(into:)`; a ``ProtobufSizer`` listens to learn the
/// exact size and a ``ProtobufWriter`` to write that many bytes, so the two cannot disagree.
package protocol ProtobufSink {
  mutating func appendVarint(_ value: UInt64)

  mutating func appendRaw(_ bytes: ArraySlice<UInt8>)

  /// Appends the UTF-8 of `string`.
  mutating func appendRaw(_ string: String)

  /// Appends `message` behind its length.
  mutating func appendDelimited(_ message: some ProtobufEncodable)
}

// MARK: - Fields that are always present

extension ProtobufSink {
  package mutating func appendTag(_ field: UInt32, _ wireType: ProtobufWireType) {
    self.appendVarint(UInt64(ProtobufTag(fieldNumber: field, wireType: wireType).rawValue))
  }

  package mutating func append(varint value: UInt64, field: UInt32) {
    self.appendTag(field, .varint)
    self.appendVarint(value)
  }

  package mutating func append(string value: String, field: UInt32) {
    self.appendTag(field, .lengthDelimited)
    self.appendVarint(UInt64(value.utf8.count))
    self.appendRaw(value)
  }

  package mutating func append(bytes value: ArraySlice<UInt8>, field: UInt32) {
    self.appendTag(field, .lengthDelimited)
    self.appendVarint(UInt64(value.count))
    self.appendRaw(value)
  }

  package mutating func append(message: some ProtobufEncodable, field: UInt32) {
    self.appendTag(field, .lengthDelimited)
    self.appendDelimited(message)
  }

  /// Appends a message without fields (`google.protobuf.Empty`).
  package mutating func appendEmptyMessage(field: UInt32) {
    self.appendTag(field, .lengthDelimited)
    self.appendVarint(0)
  }
}

// MARK: - Fields left out when they hold the default

extension ProtobufSink {
  package mutating func appendUnlessDefault(int64 value: Int64, field: UInt32) {
    if value != 0 {
      self.append(varint: UInt64(bitPattern: value), field: field)
    }
  }

  /// Negative values take ten bytes: protobuf extends their sign.
  package mutating func appendUnlessDefault(int32 value: Int32, field: UInt32) {
    self.appendUnlessDefault(int64: Int64(value), field: field)
  }

  package mutating func appendUnlessDefault(uint32 value: UInt32, field: UInt32) {
    if value != 0 {
      self.append(varint: UInt64(value), field: field)
    }
  }

  package mutating func appendUnlessDefault(bool value: Bool, field: UInt32) {
    if value {
      self.append(varint: 1, field: field)
    }
  }

  package mutating func appendUnlessDefault(string value: String, field: UInt32) {
    if !value.isEmpty {
      self.append(string: value, field: field)
    }
  }

  package mutating func appendUnlessDefault(bytes value: ArraySlice<UInt8>, field: UInt32) {
    if !value.isEmpty {
      self.append(bytes: value, field: field)
    }
  }
}
