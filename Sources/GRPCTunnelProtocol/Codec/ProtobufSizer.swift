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

/// Measures what a ``ProtobufWriter`` would write.
package struct ProtobufSizer: ProtobufSink {
  package private(set) var size = 0

  package init() {}

  package mutating func appendVarint(_ value: UInt64) {
    self.size += Self.sizeOfVarint(value)
  }

  package mutating func appendRaw(_ bytes: ArraySlice<UInt8>) {
    self.size += bytes.count
  }

  package mutating func appendRaw(_ string: String) {
    self.size += string.utf8.count
  }

  package mutating func appendDelimited(_ message: some ProtobufEncodable) {
    let size = message.encodedSize
    self.size += Self.sizeOfVarint(UInt64(size)) + size
  }

  /// Seven bits to a byte, at least one byte.
  package static func sizeOfVarint(_ value: UInt64) -> Int {
    (UInt64.bitWidth - (value | 1).leadingZeroBitCount + 6) / 7
  }
}
