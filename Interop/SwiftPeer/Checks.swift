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
internal import GRPCProtobuf
internal import SwiftProtobuf

/// What a Swift client asks of the interop service at the other end of a tunnel.
///
/// A check named `deviation-…` is about a fault of grpctunnel-py 0.3.0 and shows that we survive
/// it; these are left out when the other end is no such peer.
struct Checks<Transport: ClientTransport>: Sendable {
  let stub: Interop_Interop.Client<Transport>
  let peerIsPython: Bool

  /// The length of the longest message that this end takes.
  let messageLimit: Int

  private let client: GRPCClient<Transport>

  private static var sizes: [Int] { [1, 16_384, 16_385, 65_536, 65_537, 100_000, 1 << 20] }

  /// Repeated keys keep their order. Binary values are plain ASCII: that is all that the Python
  /// peer can take.
  private static var metadata: Metadata {
    var metadata: Metadata = ["text": "one"]
    metadata.addString("two", forKey: "text")
    metadata.addString("one", forKey: "text")
    metadata.addBinary([0x70, 0x00, 0x7f], forKey: "ascii-bin")
    return metadata
  }

  init(client: GRPCClient<Transport>, peerIsPython: Bool, messageLimit: Int) {
    self.client = client
    self.stub = Interop_Interop.Client(wrapping: client)
    self.peerIsPython = peerIsPython
    self.messageLimit = messageLimit
  }

  /// Runs the checks of these groups; whether all passed. The program must end soon after.
  func run(_ groups: CheckGroup...) async -> Bool {
    var list = CheckList { try await self.expectAlive() }
    for group in groups {
      switch group {
      case .standard:
        await self.checkKinds(&list)
        await self.checkLoad(&list)
        await self.checkMetadata(&list)
        await self.checkStatuses(&list)
        await self.checkEnds(&list)
        if self.peerIsPython {
          await self.checkDeviations(&list)
        }
      case .limit:
        await self.checkLimit(&list)
      case .stopped:
        await self.checkStopped(&list)
      }
    }
    list.finish()
    expectEnd(within: .seconds(15))
    return list.failed == 0 && list.passed > 0
  }

  private func checkKinds(_ list: inout CheckList) async {
    for size in Self.sizes {
      await list.check("unary-\(size)") {
        let reply = try await self.stub.unary(.with { $0.payload = pattern(size) })
        try expect(reply.payload == pattern(size), true, "the payload is the same")
      }

      await list.check("client-streaming-\(size)") {
        let reply = try await self.stub.upload { writer in
          for _ in 0 ..< 5 {
            try await writer.write(.with { $0.payload = pattern(size) })
          }
        }
        try expect(reply.requestCount, 5, "requests")
        try expect(reply.requestBytes, UInt64(5 * size), "bytes")
      }

      await list.check("server-streaming-\(size)") {
        let request = Request.with {
          $0.replySize = UInt32(size)
          $0.replyCount = 5
        }
        let replies = try await self.stub.download(request) { try await $0.messages.collect() }
        try expect(replies.map(\.index), [0, 1, 2, 3, 4], "indices")
        try expect(replies.allSatisfy { $0.payload == pattern(size) }, true, "payloads are right")
      }

      await list.check("bidirectional-\(size)") {
        let replies = try await self.stub.chat { writer in
          for _ in 0 ..< 5 {
            try await writer.write(.with { $0.payload = pattern(size) })
          }
        } onResponse: {
          try await $0.messages.collect()
        }
        try expect(replies.map(\.requestCount), [1, 2, 3, 4, 5], "requests")
        try expect(replies.allSatisfy { $0.payload == pattern(size) }, true, "payloads are right")
      }
    }

    await list.check("bidirectional-turn-by-turn") {
      let (turns, turn) = AsyncStream.makeStream(of: Void.self)
      turn.yield()
      let payloads = try await self.stub.chat { writer in
        var iterator = turns.makeAsyncIterator()
        for index in 0 ..< 20 {
          _ = await iterator.next()
          try await writer.write(.with { $0.payload = Data("\(index)".utf8) })
        }
      } onResponse: { response in
        var payloads: [String] = []
        for try await reply in response.messages {
          payloads.append(String(decoding: reply.payload, as: UTF8.self))
          turn.yield()
        }
        return payloads
      }
      try expect(payloads, (0 ..< 20).map { "\($0)" }, "payloads")
    }

    await list.check("empty-requests-arrive") {
      let reply = try await self.stub.upload { writer in
        try await writer.write(Request())
        try await writer.write(.with { $0.payload = Data("x".utf8) })
        try await writer.write(Request())
      }
      try expect(reply.requestCount, 3, "requests")
    }

    await list.check("an-empty-unary-request-arrives") {
      let reply = try await self.stub.unary(Request())
      try expect(reply.requestCount, 1, "requests")
    }
  }

  private func checkLoad(_ list: inout CheckList) async {
    await list.check("many-calls-at-once", limit: .seconds(20)) {
      let sizes = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0 ..< 50 {
          group.addTask {
            try await self.stub.unary(.with { $0.payload = pattern(10_000 + index) }).payload.count
          }
        }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      try expect(sizes, Set(10_000 ..< 10_050), "sizes")
    }

    await list.check("many-messages-in-order", limit: .seconds(20)) {
      let request = Request.with {
        $0.replySize = 100
        $0.replyCount = 2_000
      }
      let indices = try await self.stub.download(request) {
        try await $0.messages.collect().map { Int($0.index) }
      }
      try expect(indices, Array(0 ..< 2_000), "indices")
    }

    await list.check("a-reply-that-nobody-reads-stops-no-other", limit: .seconds(20)) {
      let request = Request.with {
        $0.replySize = 1 << 20
        $0.replyCount = 10
      }
      let count = try await self.stub.download(request) { response in
        for _ in 0 ..< 5 {
          let reply = try await self.stub.unary(.with { $0.payload = pattern(100_000) })
          try expect(reply.payload.count, 100_000, "bytes beside it")
        }
        return try await response.messages.collect().count
      }
      try expect(count, 10, "replies")
    }
  }

  private func checkMetadata(_ list: inout CheckList) async {
    await list.check("request-metadata") {
      let reply = try await self.stub.unary(
        .with { $0.reportCall = true },
        metadata: Self.metadata
      )
      try self.expectMetadata(Metadata(reply.metadata), "request metadata")
    }

    let request = Request.with {
      $0.payload = Data("x".utf8)
      $0.replyCount = 1
      $0.initialMetadata = Self.metadata.entries
      $0.trailingMetadata = Self.metadata.entries
    }

    await list.check("response-metadata-unary") {
      try await self.stub.unary(request) { response in
        try self.expectMetadata(response.metadata, "initial metadata")
        try self.expectMetadata(response.trailingMetadata, "trailing metadata")
      }
    }

    await list.check("response-metadata-client-streaming") {
      try await self.stub.upload {
        try await $0.write(request)
      } onResponse: { response in
        try self.expectMetadata(response.metadata, "initial metadata")
        try self.expectMetadata(response.trailingMetadata, "trailing metadata")
      }
    }

    await list.check("response-metadata-server-streaming") {
      try await self.stub.download(request) { try await self.expectMetadata(of: $0) }
    }

    await list.check("response-metadata-bidirectional") {
      try await self.stub.chat {
        try await $0.write(request)
      } onResponse: {
        try await self.expectMetadata(of: $0)
      }
    }

    await list.check("bytes-that-the-peer-cannot-take-fail-one-call") {
      var metadata = Metadata()
      metadata.addBinary([0xff, 0xfe], forKey: "raw-bin")
      let sent = metadata
      // A peer that knows the extension takes them.
      if self.peerIsPython {
        let error = try await expectError {
          try await self.stub.unary(Request(), metadata: sent)
        }
        try expect(error.code, .internalError, "code")
        try expect(error.message.contains("raw-bin"), true, "the message names the key")
      }
      try await self.expectAlive()
    }
  }

  private func checkStatuses(_ list: inout CheckList) async {
    for code in 1 ... 16 {
      await list.check("status-code-\(code)") {
        let error = try await expectError {
          try await self.stub.unary(
            .with {
              $0.failure.code = Int32(code)
              $0.failure.message = "code \(code): grüße"
            }
          )
        }
        try expect(error.code.rawValue, code, "code")
        try expect(error.message, "code \(code): grüße", "message")
      }
    }

    let request = Request.with {
      $0.replyCount = 2
      $0.trailingMetadata = Self.metadata.entries
      $0.failure.code = 7
      $0.failure.message = "keep out"
    }

    await list.check("a-failure-with-trailers-unary") {
      try self.expectFailure(try await expectError { try await self.stub.unary(request) })
    }

    await list.check("a-failure-with-trailers-client-streaming") {
      let error = try await expectError {
        try await self.stub.upload { try await $0.write(request) }
      }
      try self.expectFailure(error)
    }

    await list.check("a-failure-with-trailers-server-streaming") {
      try await self.stub.download(request) { response in
        try self.expectFailure(try await expectError { try await response.messages.collect() })
      }
    }

    await list.check("a-failure-with-trailers-bidirectional") {
      try await self.stub.chat {
        try await $0.write(request)
      } onResponse: { response in
        try self.expectFailure(try await expectError { try await response.messages.collect() })
      }
    }

    await list.check("an-unknown-method-is-unimplemented") {
      let error = try await expectError {
        try await self.client.unary(
          request: ClientRequest(message: Request()),
          descriptor: MethodDescriptor(
            fullyQualifiedService: "interop.Interop",
            method: "NoSuchMethod"
          ),
          serializer: ProtobufSerializer<Request>(),
          deserializer: ProtobufDeserializer<Reply>(),
          options: .defaults
        ) {
          try $0.message
        }
      }
      try expect(error.code, .unimplemented, "code")
    }
  }

  private func checkEnds(_ list: inout CheckList) async {
    await list.check("a-deadline-fires") {
      let clock = ContinuousClock()
      let start = clock.now
      let error = try await expectError {
        try await self.stub.unary(
          .with { $0.waitForEnd = "deadline" },
          options: self.options(timeout: .milliseconds(300))
        )
      }
      try expect(error.code, .deadlineExceeded, "code")
      try expect(clock.now - start < .seconds(5), true, "it fired in time")
      try await self.expectAlive()
    }

    await list.check("a-cancelled-call-ends") {
      // The peer should have the call before it is cancelled; that the tunnel has carried another
      // one since then says so.
      try await self.expectCancellation(.with { $0.waitForEnd = "cancel" }) {
        try await self.expectAlive()
      }
      try await self.expectAlive()
    }
  }

  private func checkDeviations(_ list: inout CheckList) async {
    await list.check("deviation-an-empty-reply-is-never-sent") {
      // No request: the reply has nothing to tell, so it is empty, and only a status comes.
      _ = try await expectError { try await self.stub.upload { _ in } }
      try await self.expectAlive()
    }

    await list.check("deviation-binary-metadata-is-read-as-latin-1") {
      var metadata = Metadata()
      metadata.addBinary(Array("ü".utf8), forKey: "latin-bin")
      let reply = try await self.stub.unary(.with { $0.reportCall = true }, metadata: metadata)
      let values = Array(Metadata(reply.metadata)[binaryValues: "latin-bin"])
      try expect(values, [[0xfc]], "what the peer made of it")
    }

    await list.check("deviation-binary-metadata-is-sent-as-latin-1") {
      var metadata = Metadata()
      metadata.addBinary([0x80, 0xff], forKey: "latin-bin")
      let entries = metadata.entries
      try await self.stub.unary(
        .with {
          $0.payload = Data("x".utf8)
          $0.initialMetadata = entries
        }
      ) {
        let values = Array($0.metadata[binaryValues: "latin-bin"])
        try expect(values, [[0xc2, 0x80, 0xc3, 0xbf]], "what the peer made of it")
      }
    }
  }

  func options(timeout: Duration) -> CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    return options
  }

  func expectAlive() async throws {
    let reply = try await self.stub.unary(.with { $0.payload = Data("alive".utf8) })
    try expect(reply.payload, Data("alive".utf8), "a later call's payload")
  }

  /// Cancels a unary call that does not end by itself, shortly after it has begun.
  func expectCancellation(
    _ request: Request,
    meanwhile: () async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let error = try await expectError { try await self.stub.unary(request) }
        // GRPCCore makes a CancellationError, which some transports throw, an unknown one.
        try expect([.cancelled, .unknown].contains(error.code), true, "code is \(error.code)")
      }
      try await Task.sleep(for: .milliseconds(200))
      try await meanwhile()
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  private func expectFailure(_ error: RPCError) throws {
    try expect(error.code, .permissionDenied, "code")
    try expect(error.message, "keep out", "message")
    try self.expectMetadata(error.metadata, "trailing metadata")
  }

  private func expectMetadata(of response: StreamingClientResponse<Reply>) async throws {
    let contents = try response.accepted.get()
    try self.expectMetadata(contents.metadata, "initial metadata")
    var trailing: Metadata?
    var count = 0
    for try await part in contents.bodyParts {
      switch part {
      case .message:
        count += 1
      case .trailingMetadata(let metadata):
        trailing = metadata
      }
    }
    try expect(count, 1, "replies")
    try self.expectMetadata(trailing ?? [:], "trailing metadata")
  }

  private func expectMetadata(_ metadata: Metadata, _ what: String) throws {
    try expect(Array(metadata[stringValues: "text"]), ["one", "two", "one"], what)
    try expect(Array(metadata[binaryValues: "ascii-bin"]), [[0x70, 0x00, 0x7f]], what)
  }
}

extension RPCAsyncSequence {
  func collect() async throws -> [Element] {
    try await self.reduce(into: []) { $0.append($1) }
  }
}
