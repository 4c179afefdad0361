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

internal import GRPCCore
internal import Testing

@testable internal import GRPCTunnel

@Suite("What is left of an RPC's deadline (PROTOCOL.md 4)")
struct ClientCallTests {
  private static let method = MethodDescriptor(
    fullyQualifiedService: "test.Service",
    method: "Method"
  )

  /// What is left at 10 s of an RPC that was called at 3 s.
  private func left(timeout: Duration?, metadata: Metadata) -> Duration? {
    var options = CallOptions.defaults
    options.timeout = timeout
    return ClientCall(Self.method, options, now: .seconds(3))
      .timeout(in: metadata, now: .seconds(10))
  }

  @Test(
    "it is lowered by the wait, and never above what the metadata says",
    arguments: [
      (nil, [], nil),
      // A deadline in the metadata alone counts from the call.
      (nil, ["60S"], .seconds(53)), (nil, ["5S"], .seconds(-2)), (nil, ["junk"], nil),
      // The last value counts, as elsewhere.
      (nil, ["junk", "60S"], .seconds(53)), (nil, ["60S", "junk"], nil),
      // The options' counts from the call too.
      (.seconds(60), [], .seconds(53)), (.seconds(7), [], .zero), (.seconds(-1), [], .seconds(-8)),
      (.seconds(60), ["junk"], .seconds(53)),
      // Both: GRPCCore's value, from before the wait, or from after it, for a later attempt.
      (.seconds(60), ["60S"], .seconds(53)), (.seconds(60), ["20S"], .seconds(20)),
      (.seconds(60), ["0n"], .zero),
    ] as [(Duration?, [String], Duration?)]
  )
  func left(timeout: Duration?, values: [String], left: Duration?) {
    var metadata = Metadata()
    for value in values {
      metadata.addString(value, forKey: "grpc-timeout")
    }
    #expect(self.left(timeout: timeout, metadata: metadata) == left)
  }

  @Test("no timeout is too large to compute with", arguments: [Int64.max, Int64.max / 2, 1 << 40])
  func hugeTimeout(seconds: Int64) throws {
    let left = try #require(self.left(timeout: .seconds(seconds), metadata: [:]))
    #expect(left > .seconds(2_000_000 * 3600))
  }
}
