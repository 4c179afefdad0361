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

extension DemoReport {
  /// Makes RPCs of all four kinds, and one that fails.
  mutating func checkAllKinds<Transport: ClientTransport>(_ caller: DemoCaller<Transport>) async {
    await self.check(
      "unary",
      "\"somebody\" -> \"Hello, somebody!\"",
      expected: .init(texts: ["Hello, somebody!"], method: ["Greet"], trailer: ["done"])
    ) {
      try await caller.call(DemoService.greet, ["somebody"])
    }
    await self.check(
      "client streaming",
      "100 messages -> \"100 messages of 190 bytes\"",
      expected: .init(texts: ["100 messages of 190 bytes"], method: ["Count"], trailer: ["done"])
    ) {
      try await caller.call(DemoService.count, (0 ..< 100).map { "\($0)" })
    }
    await self.check(
      "server streaming",
      "\"bread milk tea\" -> 3 messages",
      expected: .init(texts: ["bread", "milk", "tea"], method: ["List"], trailer: ["done"])
    ) {
      try await caller.call(DemoService.list, ["bread milk tea"])
    }
    await self.check(
      "bidirectional",
      "\"hi\", \"how much?\", \"bye\", turn by turn",
      expected: ["HI", "HOW MUCH?", "BYE"]
    ) {
      try await caller.converse(["hi", "how much?", "bye"])
    }
    let large = String(repeating: "m", count: 1024 * 1024)
    await self.check(
      "large messages",
      "4 messages of 1 MiB there and back",
      expected: [large, large, large, large].map { $0.uppercased() }.map(\.utf8.count)
    ) {
      try await caller.converse([large, large, large, large]).map(\.utf8.count)
    }
    await self.check(
      "200 calls at once",
      "each gets its own reply",
      expected: Set((0 ..< 200).map { "Hello, \($0)!" })
    ) {
      try await withThrowingTaskGroup(of: [String].self) { group in
        for index in 0 ..< 200 {
          group.addTask { try await caller.call(DemoService.greet, ["\(index)"]).texts }
        }
        return try await group.reduce(into: []) { $0.formUnion($1) }
      }
    }
    await self.check(
      "error",
      "\"nobody\" -> NOT_FOUND with metadata",
      expected: .init(
        code: .notFound,
        message: "Nobody is here.",
        hint: ["try somebody"],
        binaryHint: [[0xff, 0x00]]
      )
    ) {
      try await caller.refusal(of: DemoService.greet, ["nobody"])
    }
  }
}
