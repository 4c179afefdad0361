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

extension ServerFrame: ProtobufMessage {
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
        var headers = self.takeResponseHeaders()
        try reader.readMessage(mergingInto: &headers)
        self.payload = .responseHeaders(headers)
      case (3, .lengthDelimited):
        var envelope = self.takeResponseMessage()
        try reader.readMessage(mergingInto: &envelope)
        self.payload = .responseMessage(envelope)
      case (4, .lengthDelimited):
        self.payload = .moreResponseData(try reader.readBytes())
      case (5, .lengthDelimited):
        var closeStream = self.takeCloseStream()
        try reader.readMessage(mergingInto: &closeStream)
        self.payload = .closeStream(closeStream)
      case (6, .lengthDelimited):
        var settings = self.takeSettings()
        try reader.readMessage(mergingInto: &settings)
        self.payload = .settings(settings)
      case (7, .varint):
        self.payload = .windowUpdate(try reader.readUInt32())
      case (15, .lengthDelimited):
        var drain = self.takeDrain()
        try reader.readMessage(mergingInto: &drain)
        self.payload = .drain(drain)
      default:
        try reader.skipValue(of: tag)
      }
    }
  }

  package func encode(into sink: inout some ProtobufSink) {
    sink.appendUnlessDefault(int64: self.streamID.rawValue, field: 1)

    // Members of a oneof are present even when they hold the default.
    switch self.payload {
    case .responseHeaders(let headers):
      sink.append(message: headers, field: 2)
    case .responseMessage(let envelope):
      sink.append(message: envelope, field: 3)
    case .moreResponseData(let data):
      sink.append(bytes: data, field: 4)
    case .closeStream(let closeStream):
      sink.append(message: closeStream, field: 5)
    case .settings(let settings):
      sink.append(message: settings, field: 6)
    case .windowUpdate(let increment):
      sink.append(varint: UInt64(increment), field: 7)
    case .drain(let drain):
      sink.append(message: drain, field: 15)
    case nil:
      ()
    }
  }

  // A member that comes again is merged. It leaves the payload for that: two references to what it
  // holds would make merging copy it, and a frame of many such fields quadratic.

  private mutating func takeResponseHeaders() -> WireMetadata {
    if case .responseHeaders(let headers) = self.payload.take() {
      headers
    } else {
      WireMetadata()
    }
  }

  private mutating func takeResponseMessage() -> MessageEnvelope {
    if case .responseMessage(let envelope) = self.payload.take() {
      envelope
    } else {
      MessageEnvelope()
    }
  }

  private mutating func takeCloseStream() -> CloseStream {
    if case .closeStream(let closeStream) = self.payload.take() {
      closeStream
    } else {
      CloseStream()
    }
  }

  private mutating func takeSettings() -> Settings {
    if case .settings(let settings) = self.payload.take() {
      settings
    } else {
      Settings()
    }
  }

  private mutating func takeDrain() -> Drain {
    if case .drain(let drain) = self.payload.take() {
      drain
    } else {
      Drain()
    }
  }
}
