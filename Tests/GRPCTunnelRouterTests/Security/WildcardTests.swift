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

internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Wildcard")
struct WildcardTests {
  @Test(
    "matches",
    arguments: [
      ("", ""), ("*", ""), ("*", "anything"), ("abc", "abc"), ("a*", "a"), ("a*", "abc"),
      ("*c", "abc"), ("a*c", "ac"), ("a*c", "abc"), ("a*c", "acc"), ("**", "x"), ("a**c", "abc"),
      ("*b*", "abc"), ("*ab*ab*", "abab"), ("*aab", "aaab"), ("a*b*c", "a.b.b.c"),
      ("*.example.com", "shop.example.com"), ("ü*", "über"),
    ]
  )
  func matches(pattern: String, text: String) {
    #expect(Wildcard(pattern).matches(text))
    #expect(Wildcard(pattern).description == pattern)
  }

  @Test(
    "does not match",
    arguments: [
      ("", "a"), ("abc", "ab"), ("abc", "abcd"), ("abc", "ABC"), ("a*", "ba"), ("*c", "cb"),
      ("ab*ba", "aba"), ("a*b*c", "acb"), ("*ab*ab*", "ab"), ("*.example.com", "example.com"),
      ("*.example.com", "shop.example.com.evil"), ("a?", "ab"),
    ]
  )
  func doesNotMatch(pattern: String, text: String) {
    #expect(!Wildcard(pattern).matches(text))
  }

  @Test("takes no time that grows with the number of asterisks", .timeLimit(.minutes(1)))
  func manyAsterisks() {
    let pattern = Wildcard(String(repeating: "*a", count: 1000) + "*b")
    #expect(!pattern.matches(String(repeating: "a", count: 10_000)))
  }
}
