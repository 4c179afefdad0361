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
internal import GRPCCore
internal import SwiftProtobuf

extension Checks {
  /// A limit below the window: nobody has to wait for credit.
  func checkLimit(_ list: inout CheckList) async {
    await list.check("a-reply-of-the-limit-arrives") {
      let size = try self.replySize(forMessageOf: self.messageLimit)
      let reply = try await self.stub.unary(.with { $0.replySize = UInt32(size) })
      try expect(reply.payload == pattern(size), true, "the payload is the same")
    }

    await list.check("a-reply-above-the-limit-fails-alone") {
      let size = try self.replySize(forMessageOf: self.messageLimit + 1)
      let error = try await expectError {
        try await self.stub.unary(.with { $0.replySize = UInt32(size) })
      }
      try self.expectRefusal(error)
      try await self.expectAlive()
    }

    await list.check("a-streamed-reply-above-the-limit-fails-alone") {
      let size = try self.replySize(forMessageOf: self.messageLimit + 1)
      let request = Request.with {
        $0.replySize = UInt32(size)
        $0.replyCount = 1
      }
      let error = try await expectError {
        try await self.stub.download(request) { try await $0.messages.collect() }
      }
      try self.expectRefusal(error)
      try await self.expectAlive()
    }
  }

  /// The Python peer's handler waits for credit that never comes, because its reply is refused. The
  /// peer sees our cancel, waits for that handler before it reads on, and so reads nothing more.
  func checkStopped(_ list: inout CheckList) async {
    await list.check("a-reply-above-the-limit-and-the-window-fails") {
      let error = try await expectError {
        try await self.stub.unary(.with { $0.replySize = UInt32(self.messageLimit) + 1 })
      }
      try self.expectRefusal(error)
    }

    await list.check("deviation-a-cancelled-reply-without-credit-stops-the-whole-tunnel") {
      let error = try await expectError {
        try await self.stub.unary(
          .with { $0.payload = Data("alive".utf8) },
          options: self.options(timeout: .seconds(1))
        )
      }
      try expect(error.code, .deadlineExceeded, "code")
    }

    await list.check("a-call-in-a-stopped-tunnel-can-be-cancelled") {
      try await self.expectCancellation(.with { $0.waitForEnd = "stopped" }) {}
    }
  }

  /// How long a payload to ask for to get a `Reply` of that length.
  private func replySize(forMessageOf size: Int) throws -> Int {
    var reply = Reply.with {
      $0.payload = pattern(size)
      $0.requestCount = 1
    }
    reply.payload = pattern(2 * size - (try reply.serializedData().count))
    try expect(try reply.serializedData().count, size, "a reply of that length")
    return reply.payload.count
  }

  private func expectRefusal(_ error: RPCError) throws {
    // Without a tunnel the HTTP/2 transport has a code of its own for it.
    if self.peerIsPython {
      try expect(error.code, .resourceExhausted, "code")
    }
  }
}
