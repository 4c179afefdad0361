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

package import GRPCCore

/// What can be written as a protobuf message.
package protocol ProtobufEncodable {
  /// Appends the fields in the order of their numbers.
  func encode(into sink: inout some ProtobufSink)
}

/// What can be written as a protobuf message and read from one.
package protocol ProtobufMessage: ProtobufEncodable {
  /// A message without any field set.
  init()

  /// Reads all fields of `reader` into this message.
  ///
  /// As protobuf wants it: values and `oneof` members read later replace earlier ones, repeated
  /// fields grow, and messages in the same field are merged. What an error leaves behind is
  /// without meaning.
  mutating func merge(from reader: inout ProtobufReader) throws(FrameDecodingError)
}

extension ProtobufEncodable {
  package var encodedSize: Int {
    var sizer = ProtobufSizer()
    self.encode(into: &sizer)
    return sizer.size
  }

  /// The message as an array of exactly its size.
  package func encoded() -> [UInt8] {
    let size = self.encodedSize
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = self.encode(
        into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: size)
      )
    }
  }

  /// The message in the bag of bytes of a transport, written in place.
  package func encoded<Bytes: GRPCContiguousBytes>(as type: Bytes.Type = Bytes.self) -> Bytes {
    // Filling with zeros first is cheaper than a second allocation and copy.
    let size = self.encodedSize
    var bytes = Bytes(repeating: 0, count: size)
    bytes.withUnsafeMutableBytes { buffer in
      _ = self.encode(into: buffer)
    }
    return bytes
  }

  private func encode(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var writer = ProtobufWriter(buffer)
    self.encode(into: &writer)
    precondition(writer.position == buffer.count)
    return writer.position
  }
}

extension ProtobufMessage {
  /// Reads a message from `bytes`; data in it may share the storage of `bytes`.
  @inline(__always)  // For the compiler to specialize them: frames are read by the million.
  package init(decoding bytes: ArraySlice<UInt8>) throws(FrameDecodingError) {
    self.init()
    try bytes.withUnsafeBufferPointer { buffer throws(FrameDecodingError) in
      var reader = ProtobufReader(UnsafeRawBufferPointer(buffer), owner: bytes)
      try self.merge(from: &reader)
    }
  }

  /// Reads a message from `bytes`; data in it is copied.
  @inline(__always)
  package init(decoding bytes: UnsafeRawBufferPointer) throws(FrameDecodingError) {
    self.init()
    var reader = ProtobufReader(bytes)
    try self.merge(from: &reader)
  }

  /// Reads a message from the bag of bytes of a transport.
  ///
  /// Arrays are shared. Of others, only the data in the message is copied, once.
  @inline(__always)
  package init<Bytes: GRPCContiguousBytes>(decoding bytes: Bytes) throws(FrameDecodingError) {
    if Bytes.self == [UInt8].self, let array = bytes as? [UInt8] {
      try self.init(decoding: array[...])
    } else {
      self.init()
      // Handed out here, for returning it as a generic result takes a look-up of its type.
      var failure: FrameDecodingError?
      bytes.withUnsafeBytes { buffer in
        var reader = ProtobufReader(buffer)
        do throws(FrameDecodingError) {
          try self.merge(from: &reader)
        } catch {
          failure = error
        }
      }
      if let failure {
        throw failure
      }
    }
  }
}

extension ProtobufReader {
  /// Reads the next value as a message and merges it into `message`.
  package mutating func readMessage(
    mergingInto message: inout some ProtobufMessage
  ) throws(FrameDecodingError) {
    var reader = try self.readMessage()
    try message.merge(from: &reader)
  }

  /// Reads the next value as a message and merges it into `message`, created if need be.
  package mutating func readMessage<Message: ProtobufMessage>(
    mergingInto message: inout Message?
  ) throws(FrameDecodingError) {
    // Taken out and put back: two references would have every merge copy what is there already.
    var merged = message.take() ?? Message()
    try self.readMessage(mergingInto: &merged)
    message = merged
  }
}
