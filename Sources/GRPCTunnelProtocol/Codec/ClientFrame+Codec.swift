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

extension ClientFrame: ProtobufMessage {
  package init() {
    self.init(streamID: StreamID(rawValue: 0), payload: nil)
  }

  package mutating func merge(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    while let tag = try reader.nextTag() {
      switch (tag.fieldNumber, tag.wireType) {
      case (1, .varint):
        self.streamID = StreamID(rawValue: try reader.readInt64())
      case (2, .lengthDelimited):
        var newStream = self.takeNewStream()
        try reader.readMessage(mergingInto: &newStream)
        self.payload = .newStream(newStream)
      case (3, .lengthDelimited):
        var envelope = self.takeRequestMessage()
        try reader.readMessage(mergingInto: &envelope)
        self.payload = .requestMessage(envelope)
      case (4, .lengthDelimited):
        self.payload = .moreRequestData(try reader.readBytes())
      case (5, .lengthDelimited):
        var empty = try reader.readMessage()
        try empty.skipToEnd()
        self.payload = .halfClose
      case (6, .lengthDelimited):
        var empty = try reader.readMessage()
        try empty.skipToEnd()
        self.payload = .cancel
      case (7, .varint):
        self.payload = .windowUpdate(try reader.readUInt32())
      default:
        try reader.skipValue(of: tag)
      }
    }
  }

  package func encode(into sink: inout some ProtobufSink) {
    sink.appendUnlessDefault(int64: self.streamID.rawValue, field: 1)

    // Members of a oneof are present even when they hold the default.
    switch self.payload {
    case .newStream(let newStream):
      sink.append(message: newStream, field: 2)
    case .requestMessage(let envelope):
      sink.append(message: envelope, field: 3)
    case .moreRequestData(let data):
      sink.append(bytes: data, field: 4)
    case .halfClose:
      sink.appendEmptyMessage(field: 5)
    case .cancel:
      sink.appendEmptyMessage(field: 6)
    case .windowUpdate(let increment):
      sink.append(varint: UInt64(increment), field: 7)
    case nil:
      ()
    }
  }

  // A member that comes again is merged. It leaves the payload for that: two references to what it
  // holds would make merging copy it, and a frame of many such fields quadratic.

  private mutating func takeNewStream() -> NewStream {
    if case .newStream(let newStream) = self.payload.take() {
      newStream
    } else {
      NewStream()
    }
  }

  private mutating func takeRequestMessage() -> MessageEnvelope {
    if case .requestMessage(let envelope) = self.payload.take() {
      envelope
    } else {
      MessageEnvelope()
    }
  }
}
