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

internal import Crypto

/// A secret that proves who an agent or a caller is.
package enum BearerToken {
  /// Makes a token of 256 random bits.
  package static func make() -> String {
    make(using: SystemRandomNumberGenerator())
  }

  static func make(using generator: some RandomNumberGenerator) -> String {
    var generator = generator
    let bytes = (0 ..< 32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    // The prefix lets people, and programs that look for leaked secrets, see what it is.
    return "gtun_" + Self.hexadecimal(bytes)
  }

  /// What is kept of a token. A token has too many bits to be guessed, so there is nothing to salt or
  /// to slow down.
  static func digest(of token: some StringProtocol) -> SHA256Digest {
    SHA256.hash(data: Array(token.utf8))
  }

  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0\(digits)" : digits
    }.joined()
  }

  /// The token in the value of a header: `Bearer TOKEN`.
  static func token(in header: String) -> Substring? {
    let scheme = header.prefix(7)
    guard scheme.lowercased() == "bearer " else { return nil }
    return header.dropFirst(7).drop { $0 == " " }
  }
}
