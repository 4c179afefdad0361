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

/// Writes a message into memory that holds exactly as many bytes as a ``ProtobufSizer`` counted.
package struct ProtobufWriter: ProtobufSink {
  private let buffer: UnsafeMutableRawBufferPointer
  package private(set) var position = 0

  /// The writer must not outlive the closure that lent `buffer`.
  package init(_ buffer: UnsafeMutableRawBufferPointer) {
    self.buffer = buffer
  }

  package mutating func appendVarint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      self.appendByte(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    self.appendByte(UInt8(truncatingIfNeeded: value))
  }

  package mutating func appendRaw(_ bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBytes { self.copy($0) }
  }

  package mutating func appendRaw(_ string: String) {
    let written: Void? = string.utf8.withContiguousStorageIfAvailable {
      self.copy(UnsafeRawBufferPointer($0))
    }
    if written == nil {
      // A string bridged from Objective-C.
      for byte in string.utf8 {
        self.appendByte(byte)
      }
    }
  }

  package mutating func appendDelimited(_ message: some ProtobufEncodable) {
    self.appendVarint(UInt64(message.encodedSize))
    message.encode(into: &self)
  }

  private mutating func appendByte(_ byte: UInt8) {
    // Only a bug of ours can fail this, never a peer. The buffer checks in debug builds only.
    precondition(self.position < self.buffer.count)
    self.buffer[self.position] = byte
    self.position &+= 1
  }

  private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= self.buffer.count &- self.position)
    if let source = bytes.baseAddress, let target = self.buffer.baseAddress {
      target.advanced(by: self.position).copyMemory(from: source, byteCount: bytes.count)
      self.position &+= bytes.count
    }
  }
}
