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

/// Why bytes are not a frame: the carrier message that holds them is malformed protobuf.
package struct FrameDecodingError: Error, Hashable, Sendable {
  package var reason: Reason

  /// How many bytes into the message the fault was found.
  package var offset: Int

  package init(_ reason: Reason, atOffset offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  package enum Reason: Hashable, Sendable {
    /// A field is longer than what is left of the message around it.
    case truncated
    /// A varint is longer than ten bytes or does not fit into 64 bits.
    case malformedVarint
    /// A tag is longer than five bytes or does not fit into 32 bits.
    case malformedTag
    /// A tag has the field number 0.
    case invalidFieldNumber
    /// A tag has a wire type that does not exist.
    case invalidWireType
    /// A group ends that did not start, or ends as another one.
    case unbalancedGroup
    /// Unknown groups are nested too deeply.
    case nestedTooDeeply
    /// Settings list more revisions than there can be.
    case tooManyRevisions
    /// A `string` is not UTF-8.
    case invalidUTF8(StringField)
  }

  /// The `string` fields of frames, by their names in the schema.
  package enum StringField: String, Hashable, Sendable, CaseIterable {
    case methodName = "NewStream.method_name"
    case metadataKey = "Metadata.md key"
    case metadataValue = "Metadata.Values.val"
    case statusMessage = "Status.message"
    case detailTypeURL = "Any.type_url"
  }
}

extension FrameDecodingError: CustomStringConvertible {
  package var description: String {
    "\(self.reason) at byte \(self.offset)"
  }
}

extension FrameDecodingError.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated:
      "truncated field"
    case .malformedVarint:
      "varint above 64 bits"
    case .malformedTag:
      "tag above 32 bits"
    case .invalidFieldNumber:
      "field number 0"
    case .invalidWireType:
      "invalid wire type"
    case .unbalancedGroup:
      "unbalanced group"
    case .nestedTooDeeply:
      "groups nested too deeply"
    case .tooManyRevisions:
      "too many protocol revisions"
    case .invalidUTF8(let field):
      "invalid UTF-8 in \(field.rawValue)"
    }
  }
}
