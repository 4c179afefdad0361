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

@testable internal import GRPCTunnelRouter

@Suite("OpenRPCCounts")
struct OpenRPCCountsTests {
  @Test("RPCs are counted for each key, and no more are let in than may be open")
  func rpcs() throws {
    var counts = OpenRPCCounts(maximum: 2)
    try counts.start("a")
    try counts.start("a")
    let error = #expect(throws: RPCError.self) { try counts.start("a") }
    #expect(error?.code == .resourceExhausted)
    try counts.start("b")
    counts.end("a")
    try counts.start("a")
    for key in ["a", "a", "a", "b", "c"] {
      counts.end(key)
    }
    #expect(counts.keyCount == 0)
  }
}
