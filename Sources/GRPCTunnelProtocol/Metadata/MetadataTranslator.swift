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

/// Translates between an RPC's metadata and what travels in frames (PROTOCOL.md 4 and 9).
package struct MetadataTranslator: Sendable {
  /// A value that cannot travel, or did not travel well.
  package struct Failure: Error, Hashable {
    package var key: String
    package var reason: String
  }

  /// Extension `binary-metadata`: values of `-bin` keys travel as unpadded base64.
  private let encodesBinaryValues: Bool

  package init(encodesBinaryValues: Bool) {
    self.encodesBinaryValues = encodesBinaryValues
  }

  /// What to send: keys in lower case, without those of the transport.
  package func wireMetadata(from metadata: Metadata) throws(Failure) -> WireMetadata {
    var wire = WireMetadata()
    for (key, value) in metadata {
      let key = Self.lowercased(key)
      guard TransportHeaders.isApplicationKey(key) else { continue }
      if key.hasSuffix("-bin") {
        wire.append(try self.wireValue(of: value, forKey: key), forKey: key)
      } else {
        wire.append(value.encoded(), forKey: key)
      }
    }
    return wire
  }

  /// What the application sees of metadata that arrived.
  package func metadata(from wire: WireMetadata) throws(Failure) -> Metadata {
    var metadata = Metadata()
    for entry in wire.entries {
      let key = Self.lowercased(entry.key)
      guard TransportHeaders.isApplicationKey(key) else { continue }
      let isBinary = key.hasSuffix("-bin")
      for value in entry.values {
        if !isBinary {
          metadata.addString(value, forKey: key)
        } else if self.encodesBinaryValues {
          metadata.addBinary(try Self.decodeBase64(value, forKey: key), forKey: key)
        } else {
          metadata.addBinary(Array(value.utf8), forKey: key)
        }
      }
    }
    return metadata
  }

  private func wireValue(of value: Metadata.Value, forKey key: String) throws(Failure) -> String {
    let bytes: [UInt8]
    switch value {
    case .binary(let binary):
      bytes = binary
    case .string(let encoded):
      // GRPCCore's HTTP/2 transport leaves unpadded values of `-bin` keys in base64.
      bytes = try Self.decodeBase64(encoded, forKey: key)
    }
    if self.encodesBinaryValues {
      return Self.encodeBase64(bytes)
    }
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw Failure(
        key: key,
        reason: "its value is not UTF-8, and the peer does not take other binary values"
      )
    }
    return string
  }

  private static func lowercased(_ key: String) -> String {
    let hasUppercase = key.utf8.contains { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }
    return hasUppercase ? key.lowercased() : key
  }

  private static func encodeBase64(_ bytes: [UInt8]) -> String {
    let padded = Metadata.Value.binary(bytes).encoded()
    return String(padded.prefix { $0 != "=" })
  }

  private static func decodeBase64(_ string: String, forKey key: String) throws(Failure) -> [UInt8]
  {
    if string.isEmpty { return [] }
    // GRPCCore decodes the strings of binary values, and skips those that are not base64.
    let metadata: Metadata = [key: .string(string)]
    for bytes in metadata[binaryValues: key] {
      return bytes
    }
    throw Failure(key: key, reason: "its value is not base64")
  }
}
