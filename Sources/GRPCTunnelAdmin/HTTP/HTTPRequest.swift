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

package import NIOHTTP1

/// A request to the admin address, read whole.
package struct HTTPRequest: Sendable {
  package var method: HTTPMethod
  /// Without the query.
  package var path: String
  package var headers: HTTPHeaders
  package var body: [UInt8]

  package init(
    method: HTTPMethod,
    target: String,
    headers: HTTPHeaders = [:],
    body: [UInt8] = []
  ) {
    self.method = method
    self.path = String(target.prefix { $0 != "?" })
    self.headers = headers
    self.body = body
  }

  /// The parts of the path, decoded; nil for what cannot be.
  var segments: [String]? {
    var segments: [String] = []
    for part in self.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      guard let segment = Self.decoded(part) else { return nil }
      segments.append(segment)
    }
    return segments
  }

  /// Replaces `%2F` and its like by what they stand for.
  private static func decoded(_ text: Substring) -> String? {
    var rest = Array(text.utf8)[...]
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      guard digits.count == 2 else { return nil }
      bytes.append(UInt8(digits[0] * 16 + digits[1]))
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
