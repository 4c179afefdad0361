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

/// What both decoders make of the same bytes.
enum Verdict: Hashable {
  /// Both read the same value.
  case sameValue
  /// Both refuse.
  case bothRefuse
  /// They differ where we mean to.
  case differs(KnownDifference)
  /// They differ, and nobody knew.
  case unexplained(String)

  enum KnownDifference: Hashable, CaseIterable {
    /// A varint's tenth byte has more than the one bit that is left of 64. SwiftProtobuf drops the
    /// others; we refuse, as Go does.
    case varintAbove64Bits
    /// A tag takes more than five bytes. SwiftProtobuf refuses it as we do in messages, but not in
    /// map entries and unknown groups.
    case longTag
    /// The key or value of a map entry has the wrong wire type. SwiftProtobuf then reads the value
    /// as the next tag; we skip it, as Go and C++ do.
    case mistypedMapEntry
    /// Settings list more revisions than there can be.
    case tooManyRevisions
  }
}

extension Referenced {
  static func verdict(on bytes: [UInt8]) throws -> Verdict {
    let reference = try? Self.decodeReference(bytes)
    let result = Result { () throws(FrameDecodingError) in try Self(decoding: bytes[...]) }

    switch result {
    case .success(let message):
      if let reference, try message.referenceBytes == reference.deterministicBytes {
        return .sameValue
      } else if Self.schema.hasMistypedMapEntry(in: bytes) {
        return .differs(.mistypedMapEntry)
      } else {
        return .unexplained("ours: \(message), theirs: \(String(describing: reference))")
      }
    case .failure(let error):
      guard reference != nil else {
        return .bothRefuse
      }
      switch error.reason {
      case .malformedVarint:
        return .differs(.varintAbove64Bits)
      case .malformedTag:
        return .differs(.longTag)
      case .tooManyRevisions:
        return .differs(.tooManyRevisions)
      case .truncated, .invalidFieldNumber, .invalidWireType, .unbalancedGroup, .nestedTooDeeply,
        .invalidUTF8:
        if Self.schema.hasMistypedMapEntry(in: bytes) {
          return .differs(.mistypedMapEntry)
        }
        return .unexplained("ours: \(error), theirs: \(String(describing: reference))")
      }
    }
  }
}

extension MessageSchema {
  /// Whether a map entry has a key or value of the wrong wire type before the first error.
  func hasMistypedMapEntry(in bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var reader = ProtobufReader(buffer)
      var found = false
      try? self.search(&reader, isMapEntry: false, found: &found)
      return found
    }
  }

  private func search(
    _ reader: inout ProtobufReader,
    isMapEntry: Bool,
    found: inout Bool
  ) throws(FrameDecodingError) {
    while let tag = try reader.nextTag() {
      let kind = self.kind(of: tag.fieldNumber)
      if isMapEntry, kind != nil, tag.wireType != .lengthDelimited {
        found = true
      }
      switch (kind, tag.wireType) {
      case (.message(let schema), .lengthDelimited):
        var nested = try reader.readMessage()
        try schema.search(&nested, isMapEntry: false, found: &found)
      case (.mapEntry(let schema), .lengthDelimited):
        var nested = try reader.readMapEntry()
        try schema.search(&nested, isMapEntry: true, found: &found)
      default:
        try reader.skipValue(of: tag)
      }
    }
  }
}
