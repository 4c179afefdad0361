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

/// How a field's value is laid out on the wire.
package enum ProtobufWireType: UInt8, Hashable, Sendable {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case startGroup = 3
  case endGroup = 4
  case fixed32 = 5
}

/// What stands before every field: its number (1 to 2^29-1) and wire type.
package struct ProtobufTag: Hashable, Sendable {
  package var fieldNumber: UInt32
  package var wireType: ProtobufWireType

  package init(fieldNumber: UInt32, wireType: ProtobufWireType) {
    self.fieldNumber = fieldNumber
    self.wireType = wireType
  }

  package var rawValue: UInt32 {
    self.fieldNumber << 3 | UInt32(self.wireType.rawValue)
  }
}
