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

internal import Foundation

/// A tunnel between two ends of the Go library, recorded frame by frame: see `Tests/Vectors`.
package struct RecordedTunnel: Decodable, Sendable {
  /// The scenario.
  package var name: String

  /// What happened, in words.
  package var about: String

  package var direction: Direction
  package var revision: Int32
  package var carrierRequestHeaders: [String: [String]]
  package var carrierResponseHeaders: [String: [String]]

  /// In the order in which the network client sent or received them.
  package var frames: [Frame]

  package enum Direction: String, Decodable, Sendable {
    case forward
    case reverse
  }

  package enum Role: String, Decodable, Sendable {
    case tunnelClient = "tunnel-client"
    case tunnelServer = "tunnel-server"
  }

  package struct Frame: Sendable {
    package var from: Role
    /// A `ClientToServer` of the tunnel client or a `ServerToClient` of the tunnel server.
    package var bytes: [UInt8]
  }

  private enum CodingKeys: String, CodingKey {
    case name
    case about
    case direction
    case revision
    case carrierRequestHeaders = "carrier_request_headers"
    case carrierResponseHeaders = "carrier_response_headers"
    case frames
  }
}

extension RecordedTunnel.Frame: Decodable {
  private enum CodingKeys: String, CodingKey {
    case from
    case hex
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.from = try container.decode(RecordedTunnel.Role.self, forKey: .from)

    let digits = Array(try container.decode(String.self, forKey: .hex).utf8)
    self.bytes = try stride(from: 0, to: digits.count, by: 2).map { position in
      guard position + 1 < digits.count,
        let high = Self.value(ofHexDigit: digits[position]),
        let low = Self.value(ofHexDigit: digits[position + 1])
      else {
        throw DecodingError.dataCorruptedError(
          forKey: .hex,
          in: container,
          debugDescription: "Not an even number of hexadecimal digits."
        )
      }
      return high << 4 | low
    }
  }

  private static func value(ofHexDigit digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0") ... UInt8(ascii: "9"):
      digit - UInt8(ascii: "0")
    case UInt8(ascii: "a") ... UInt8(ascii: "f"):
      digit - UInt8(ascii: "a") + 10
    default:
      nil
    }
  }
}

extension RecordedTunnel {
  private static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent()  // RecordedTunnel.swift
    .deletingLastPathComponent()  // RecordedTunnels
    .appending(path: "Vectors")

  /// The names of all recordings, such as `forward-rev1-bidi`.
  package static let allNames: [String] = {
    let files = try? FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    return (files ?? [])
      .filter { $0.hasSuffix(".json") }
      .map { String($0.dropLast(".json".count)) }
      .sorted()
  }()

  package init(loading name: String) throws {
    let file = Self.directory.appending(path: "\(name).json")
    self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
  }
}
