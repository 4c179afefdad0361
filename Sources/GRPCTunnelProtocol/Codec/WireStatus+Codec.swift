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

extension WireStatus: ProtobufMessage {
  package init() {
    self.init(code: 0)
  }

  package mutating func merge(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    while let tag = try reader.nextTag() {
      switch (tag.fieldNumber, tag.wireType) {
      case (1, .varint):
        self.code = try reader.readInt32()
      case (2, .lengthDelimited):
        self.message = try reader.readString(.statusMessage)
      case (3, .lengthDelimited):
        var detail = Detail()
        try reader.readMessage(mergingInto: &detail)
        if self.details.count <= Self.maximumDetailCount {
          self.details.append(detail)
        }
      default:
        try reader.skipValue(of: tag)
      }
    }
  }

  package func encode(into sink: inout some ProtobufSink) {
    sink.appendUnlessDefault(int32: self.code, field: 1)
    sink.appendUnlessDefault(string: self.message, field: 2)
    for detail in self.details {
      sink.append(message: detail, field: 3)
    }
  }
}

extension WireStatus.Detail: ProtobufMessage {
  package init() {
    self.init(typeURL: "")
  }

  package mutating func merge(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    while let tag = try reader.nextTag() {
      switch (tag.fieldNumber, tag.wireType) {
      case (1, .lengthDelimited):
        self.typeURL = try reader.readString(.detailTypeURL)
      case (2, .lengthDelimited):
        self.value = try reader.readBytes()
      default:
        try reader.skipValue(of: tag)
      }
    }
  }

  package func encode(into sink: inout some ProtobufSink) {
    sink.appendUnlessDefault(string: self.typeURL, field: 1)
    sink.appendUnlessDefault(bytes: self.value, field: 2)
  }
}
