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

/// Reads the fields of one protobuf message from bytes that a peer sent.
///
/// Whatever the bytes are, reading ends in a value or in a ``FrameDecodingError``. The reader
/// points into memory that it does not own: it must not outlive the closure that lent it.
package struct ProtobufReader {
  /// The whole outermost message, also for readers of messages within it.
  private let message: UnsafeRawBufferPointer

  /// The array slice that `message` points into, if `bytes` fields may share its storage.
  private let owner: ArraySlice<UInt8>?

  /// Offsets into `message`: the next byte to read, and the end of the message being read.
  /// `0 <= position <= end <= message.count` always holds.
  private var position: Int
  private let end: Int

  /// How many more messages or groups may open within this one.
  private let depthBudget: Int

  /// As many as SwiftProtobuf and the other runtimes allow. Known messages nest five deep at most.
  package static let maximumDepth = 100

  /// Sharing storage starts to matter above this size; see ``readBytes()``.
  private static let sharedMessageSize = 128

  /// Reads `message`; values of `bytes` fields are copied out of it.
  package init(_ message: UnsafeRawBufferPointer) {
    self.init(message, owner: nil)
  }

  /// Reads `message`, which must be the storage of `owner`; `bytes` fields may be slices of it.
  package init(_ message: UnsafeRawBufferPointer, owner: ArraySlice<UInt8>?) {
    precondition(owner == nil || owner?.count == message.count)
    self.init(
      message: message,
      owner: owner,
      range: 0 ..< message.count,
      depthBudget: Self.maximumDepth - 1
    )
  }

  private init(
    message: UnsafeRawBufferPointer,
    owner: ArraySlice<UInt8>?,
    range: Range<Int>,
    depthBudget: Int
  ) {
    self.message = message
    self.owner = owner
    self.position = range.lowerBound
    self.end = range.upperBound
    self.depthBudget = depthBudget
  }

  package var isAtEnd: Bool {
    self.position == self.end
  }

  /// How many bytes of the outermost message lie before the next one to read.
  package var offset: Int {
    self.position
  }
}

// MARK: - Tags

extension ProtobufReader {
  /// The tag of the next field, or nil at the end of the message.
  ///
  /// The caller must then read or skip the field's value. Ends of groups are never returned: those
  /// of skipped groups are skipped with them, any other is an error.
  package mutating func nextTag() throws(FrameDecodingError) -> ProtobufTag? {
    if self.isAtEnd {
      return nil
    }

    let start = self.position
    let tag = try self.readTag()
    if tag.wireType == .endGroup {
      throw FrameDecodingError(.unbalancedGroup, atOffset: start)
    }
    return tag
  }

  private mutating func readTag() throws(FrameDecodingError) -> ProtobufTag {
    let start = self.position
    var raw: UInt32 = 0
    var shift: UInt32 = 0

    while true {
      let byte = try self.readByte()
      // The fifth byte holds the last four bits of 32.
      if shift == 28, byte > 0x0f {
        throw FrameDecodingError(.malformedTag, atOffset: start)
      }
      raw |= UInt32(byte & 0x7f) &<< shift
      if byte < 0x80 {
        break
      }
      shift &+= 7
    }

    guard let wireType = ProtobufWireType(rawValue: UInt8(truncatingIfNeeded: raw & 0x7)) else {
      throw FrameDecodingError(.invalidWireType, atOffset: start)
    }
    let fieldNumber = raw >> 3
    if fieldNumber == 0 {
      throw FrameDecodingError(.invalidFieldNumber, atOffset: start)
    }
    return ProtobufTag(fieldNumber: fieldNumber, wireType: wireType)
  }
}

// MARK: - Values

extension ProtobufReader {
  package mutating func readVarint() throws(FrameDecodingError) -> UInt64 {
    let start = self.position
    let first = try self.readByte()
    if first < 0x80 {
      return UInt64(first)
    }

    var value = UInt64(first & 0x7f)
    var shift: UInt64 = 7
    while true {
      let byte = try self.readByte()
      // The tenth byte holds the last bit of 64.
      if shift == 63, byte > 1 {
        throw FrameDecodingError(.malformedVarint, atOffset: start)
      }
      value |= UInt64(byte & 0x7f) &<< shift
      if byte < 0x80 {
        return value
      }
      shift &+= 7
    }
  }

  package mutating func readInt64() throws(FrameDecodingError) -> Int64 {
    Int64(bitPattern: try self.readVarint())
  }

  /// An `int32` or an open enumeration: protobuf drops the upper bits, it does not refuse them.
  package mutating func readInt32() throws(FrameDecodingError) -> Int32 {
    Int32(truncatingIfNeeded: try self.readVarint())
  }

  package mutating func readUInt32() throws(FrameDecodingError) -> UInt32 {
    UInt32(truncatingIfNeeded: try self.readVarint())
  }

  package mutating func readBool() throws(FrameDecodingError) -> Bool {
    try self.readVarint() != 0
  }

  package mutating func readString(
    _ field: FrameDecodingError.StringField
  ) throws(FrameDecodingError) -> String {
    let range = try self.readLengthDelimited()
    let bytes = UnsafeRawBufferPointer(rebasing: self.message[range])
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw FrameDecodingError(.invalidUTF8(field), atOffset: range.lowerBound)
    }
    return string
  }

  /// The value of a `bytes` field.
  ///
  /// A slice of the message's array if there is one, so that data is not copied again; but a copy
  /// when that would let a small value keep a large message alive.
  package mutating func readBytes() throws(FrameDecodingError) -> ArraySlice<UInt8> {
    let range = try self.readLengthDelimited()
    if range.isEmpty {
      return []
    }

    if let owner = self.owner,
      self.message.count <= Self.sharedMessageSize || range.count >= self.message.count / 2
    {
      let start = owner.startIndex
      return owner[start + range.lowerBound ..< start + range.upperBound]
    } else {
      return ArraySlice([UInt8](self.message[range]))
    }
  }

  /// A reader of a message within this one.
  package mutating func readMessage() throws(FrameDecodingError) -> ProtobufReader {
    try self.readNested(depthBudget: self.depthBudget - 1)
  }

  /// A reader of an entry of a `map`: a message on the wire, but none that counts as depth.
  package mutating func readMapEntry() throws(FrameDecodingError) -> ProtobufReader {
    try self.readNested(depthBudget: self.depthBudget)
  }

  /// A reader of a packed repeated field, whose values follow each other without tags.
  package mutating func readPacked() throws(FrameDecodingError) -> ProtobufReader {
    try self.readNested(depthBudget: self.depthBudget)
  }

  private mutating func readNested(
    depthBudget: Int
  ) throws(FrameDecodingError) -> ProtobufReader {
    let start = self.position
    let range = try self.readLengthDelimited()
    if depthBudget < 0 {
      throw FrameDecodingError(.nestedTooDeeply, atOffset: start)
    }
    return ProtobufReader(
      message: self.message,
      owner: self.owner,
      range: range,
      depthBudget: depthBudget
    )
  }
}

// MARK: - Skipping

extension ProtobufReader {
  /// Skips the value of an unknown field, which must still be well formed.
  package mutating func skipValue(of tag: ProtobufTag) throws(FrameDecodingError) {
    try self.skipValue(of: tag, depthBudget: self.depthBudget)
  }

  /// Skips the rest of the message: what it holds is of no interest, but must be well formed.
  package mutating func skipToEnd() throws(FrameDecodingError) {
    while let tag = try self.nextTag() {
      try self.skipValue(of: tag)
    }
  }

  private mutating func skipValue(
    of tag: ProtobufTag,
    depthBudget: Int
  ) throws(FrameDecodingError) {
    switch tag.wireType {
    case .varint:
      _ = try self.readVarint()
    case .fixed64:
      _ = try self.take(8)
    case .lengthDelimited:
      _ = try self.readLengthDelimited()
    case .startGroup:
      try self.skipGroup(tag.fieldNumber, depthBudget: depthBudget - 1)
    case .endGroup:
      throw FrameDecodingError(.unbalancedGroup, atOffset: self.position)
    case .fixed32:
      _ = try self.take(4)
    }
  }

  private mutating func skipGroup(
    _ fieldNumber: UInt32,
    depthBudget: Int
  ) throws(FrameDecodingError) {
    if depthBudget < 0 {
      throw FrameDecodingError(.nestedTooDeeply, atOffset: self.position)
    }

    while true {
      let start = self.position
      // At the end of the message this throws: the group is truncated.
      let tag = try self.readTag()
      if tag.wireType != .endGroup {
        try self.skipValue(of: tag, depthBudget: depthBudget)
      } else if tag.fieldNumber == fieldNumber {
        return
      } else {
        throw FrameDecodingError(.unbalancedGroup, atOffset: start)
      }
    }
  }
}

// MARK: - The only places that advance

extension ProtobufReader {
  private mutating func readByte() throws(FrameDecodingError) -> UInt8 {
    guard self.position < self.end else {
      throw FrameDecodingError(.truncated, atOffset: self.position)
    }
    let byte = self.message[self.position]
    self.position &+= 1
    return byte
  }

  private mutating func readLengthDelimited() throws(FrameDecodingError) -> Range<Int> {
    let length = try self.readVarint()
    // Compared as UInt64: a length need not even fit into an Int.
    guard length <= UInt64(self.end &- self.position) else {
      throw FrameDecodingError(.truncated, atOffset: self.position)
    }
    return try self.take(Int(length))
  }

  private mutating func take(_ count: Int) throws(FrameDecodingError) -> Range<Int> {
    guard count <= self.end &- self.position else {
      throw FrameDecodingError(.truncated, atOffset: self.position)
    }
    let start = self.position
    self.position &+= count
    return start ..< self.position
  }
}
