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

internal import GRPCTunnelProtocol

/// Any bytes: they are a frame or they are refused, and what is a frame stays the same when it is
/// written and read again. The same goes for what applications get of it.
package enum CodecUnderAttack {
  package static func run(_ bytes: ArraySlice<UInt8>) throws(Violation) {
    if case .newStream(let newStream) = try self.read(bytes, as: ClientFrame.self)?.payload,
      let headers = newStream.requestHeaders
    {
      try TranslationUnderAttack.run(headers)
    }
    switch try self.read(bytes, as: ServerFrame.self)?.payload {
    case .responseHeaders(let headers):
      try TranslationUnderAttack.run(headers)
    case .closeStream(let close):
      if let trailers = close.responseTrailers { try TranslationUnderAttack.run(trailers) }
      if let status = close.status { try TranslationUnderAttack.run(status) }
    case .responseMessage, .moreResponseData, .settings, .windowUpdate, .drain, .none:
      ()
    }
    // What applications put into a trailer.
    _ = try self.read(bytes, as: WireStatus.self)
  }

  /// - Returns: The frame that the bytes hold; nil when they hold none.
  private static func read<Frame: ProtobufMessage & Equatable>(
    _ bytes: ArraySlice<UInt8>,
    as type: Frame.Type
  ) throws(Violation) -> Frame? {
    guard let frame = try? Frame(decoding: bytes) else { return nil }
    let encoded = frame.encoded()
    try require(encoded.count == frame.encodedSize, "A frame has not the size that it says")
    guard let again = try? Frame(decoding: encoded[...]) else {
      throw Violation("What was written cannot be read: \(frame)")
    }
    try require(again == frame, "A frame changes when it is written: \(frame) is now \(again)")
    try require(again.encodedSize == encoded.count, "A frame grows when it is written again")
    return frame
  }
}
