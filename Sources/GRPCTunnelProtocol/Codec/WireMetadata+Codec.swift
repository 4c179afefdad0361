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

extension WireMetadata: ProtobufMessage {
  package mutating func merge(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    while let tag = try reader.nextTag() {
      switch (tag.fieldNumber, tag.wireType) {
      case (1, .lengthDelimited):
        var entry = try reader.readMapEntry()
        try self.mergeEntry(from: &entry)
      default:
        try reader.skipValue(of: tag)
      }
    }
  }

  /// Reads an entry of the map: a missing key is "", a missing value has no strings.
  private mutating func mergeEntry(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    var key = ""
    var values = Values()
    while let tag = try reader.nextTag() {
      switch (tag.fieldNumber, tag.wireType) {
      case (1, .lengthDelimited):
        key = try reader.readString(.metadataKey)
      case (2, .lengthDelimited):
        try reader.readMessage(mergingInto: &values)
      default:
        try reader.skipValue(of: tag)
      }
    }
    self.set(values.strings, forKey: key)
  }

  package func encode(into sink: inout some ProtobufSink) {
    for entry in self.entries {
      sink.append(message: entry, field: 1)
    }
  }

  /// The values of one key (`Metadata.Values`).
  fileprivate struct Values: ProtobufMessage {
    var strings: [String] = []

    mutating func merge(from reader: inout ProtobufReader) throws(FrameDecodingError) {
      while let tag = try reader.nextTag() {
        switch (tag.fieldNumber, tag.wireType) {
        case (1, .lengthDelimited):
          let string = try reader.readString(.metadataValue)
          if self.strings.count <= WireMetadata.maximumElementCount {
            self.strings.append(string)
          }
        default:
          try reader.skipValue(of: tag)
        }
      }
    }

    func encode(into sink: inout some ProtobufSink) {
      for string in self.strings {
        sink.append(string: string, field: 1)
      }
    }
  }
}

extension WireMetadata.Entry: ProtobufEncodable {
  /// Both fields of a map's entry are written, as other runtimes do, even when they are empty.
  package func encode(into sink: inout some ProtobufSink) {
    sink.append(string: self.key, field: 1)
    sink.append(message: WireMetadata.Values(strings: self.values), field: 2)
  }
}
