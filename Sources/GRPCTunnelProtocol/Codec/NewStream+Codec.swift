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

extension NewStream: ProtobufMessage {
  package init() {
    self.init(methodName: "")
  }

  package mutating func merge(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    while let tag = try reader.nextTag() {
      switch (tag.fieldNumber, tag.wireType) {
      case (1, .lengthDelimited):
        self.methodName = try reader.readString(.methodName)
      case (2, .lengthDelimited):
        try reader.readMessage(mergingInto: &self.requestHeaders)
      case (3, .varint):
        self.initialWindowSize = try reader.readUInt32()
      case (4, .varint):
        self.protocolRevision = ProtocolRevision(rawValue: try reader.readInt32())
      default:
        try reader.skipValue(of: tag)
      }
    }
  }

  package func encode(into sink: inout some ProtobufSink) {
    sink.appendUnlessDefault(string: self.methodName, field: 1)
    if let requestHeaders = self.requestHeaders {
      sink.append(message: requestHeaders, field: 2)
    }
    sink.appendUnlessDefault(uint32: self.initialWindowSize, field: 3)
    sink.appendUnlessDefault(int32: self.protocolRevision.rawValue, field: 4)
  }
}
