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

extension Settings: ProtobufMessage {
  package init() {
    self.init(supportedProtocolRevisions: [])
  }

  package mutating func merge(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    while let tag = try reader.nextTag() {
      switch (tag.fieldNumber, tag.wireType) {
      case (1, .varint):
        try self.readRevision(from: &reader)
      case (1, .lengthDelimited):
        var packed = try reader.readPacked()
        while !packed.isAtEnd {
          try self.readRevision(from: &packed)
        }
      case (2, .varint):
        self.initialWindowSize = try reader.readUInt32()
      case (15, .varint):
        self.maxConcurrentStreams = try reader.readUInt32()
      default:
        try reader.skipValue(of: tag)
      }
    }
  }

  private mutating func readRevision(
    from reader: inout ProtobufReader
  ) throws(FrameDecodingError) {
    let offset = reader.offset
    let revision = ProtocolRevision(rawValue: try reader.readInt32())
    guard self.supportedProtocolRevisions.count < Self.maximumRevisionCount else {
      throw FrameDecodingError(.tooManyRevisions, atOffset: offset)
    }
    self.supportedProtocolRevisions.append(revision)
  }

  package func encode(into sink: inout some ProtobufSink) {
    if !self.supportedProtocolRevisions.isEmpty {
      sink.append(message: PackedRevisions(revisions: self.supportedProtocolRevisions), field: 1)
    }
    sink.appendUnlessDefault(uint32: self.initialWindowSize, field: 2)
    sink.appendUnlessDefault(uint32: self.maxConcurrentStreams, field: 15)
  }

  /// Not a message, but values behind their length all the same.
  private struct PackedRevisions: ProtobufEncodable {
    var revisions: [ProtocolRevision]

    func encode(into sink: inout some ProtobufSink) {
      for revision in self.revisions {
        sink.appendVarint(UInt64(bitPattern: Int64(revision.rawValue)))
      }
    }
  }
}
