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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: messages (PROTOCOL.md 5)", .timeLimit(.minutes(5)))
struct MessageConformanceTests {
  @Test("messages of all sizes arrive as they are", arguments: TestTunnel.allWithKinds)
  func sizes(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for size in [0, 1, 16_384, 16_385, 70_000, 1_048_576] {
        let message = [UInt8](pattern: size)
        let reply = try await client.call(ControlCall(kind, [.echo], messages: [message]))
        #expect(reply.error == nil)
        #expect(reply.messages.count == 1)
        #expect(reply.messages.first == message, "a message of \(size) bytes")
      }
    }
  }

  @Test("many messages arrive in order", arguments: TestTunnel.all)
  func manyMessages(tunnel: TestTunnel) async throws {
    let messages = (0 ..< 1_000).map { [UInt8](pattern: $0 % 400) }
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let both = try await client.call(ControlCall(.bidirectional, [.echo], messages: messages))
      #expect(both.error == nil)
      #expect(both.messages == messages)

      let up = try await client.call(ControlCall(.clientStreaming, [.count], messages: messages))
      let count = ControlCount(messages: 1_000, bytes: messages.reduce(0) { $0 + $1.count })
      #expect(up.text == [count.description])

      let down = try await client.call(ControlCall(.serverStreaming, [.send(1_000, size: 99)]))
      #expect(down.error == nil)
      #expect(down.messages.count == 1_000)
      #expect(down.messages.enumerated().allSatisfy { $1.first == UInt8(truncatingIfNeeded: $0) })
    }
  }

  @Test("a stream of no messages is one", arguments: TestTunnel.all)
  func noMessages(tunnel: TestTunnel) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let both = try await client.call(ControlCall(.bidirectional, [.echo], messages: []))
      #expect(both.error == nil)
      #expect(both.messages.isEmpty)

      let up = try await client.call(ControlCall(.clientStreaming, [.count], messages: []))
      #expect(up.text == [ControlCount(messages: 0, bytes: 0).description])

      let down = try await client.call(ControlCall(.serverStreaming, []))
      #expect(down.error == nil)
      #expect(down.messages.isEmpty)
    }
  }

  @Test("a response may be complete before the request is", arguments: TestTunnel.all)
  func earlyResponse(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      let call = ControlCall(.bidirectional, [.echoOne])
      let messages = try await client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: call.requestMetadata) { writer in
          try await writer.write([1])
          try await events.wait(for: "response complete")
        },
        descriptor: call.kind.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        var messages: [[UInt8]] = []
        for try await message in response.messages {
          messages.append(message)
        }
        events.happen("response complete")
        return messages
      }
      #expect(messages == [[1]])

      let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[2]]))
      #expect(reply.messages == [[2]])
    }
  }

  @Test("a response may begin before the request is complete", arguments: TestTunnel.all)
  func conversation(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      let call = ControlCall(.bidirectional, [.echo, .signal("half-closed")])
      try await client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: call.requestMetadata) { writer in
          for number in 0 ..< 10 {
            try await writer.write([UInt8(number)])
            try await events.wait(for: "answered \(number)")
          }
          #expect(!events.hasHappened("half-closed"))
        },
        descriptor: call.kind.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        var count = 0
        for try await message in response.messages {
          #expect(message == [UInt8(count)])
          events.happen("answered \(count)")
          count += 1
        }
        #expect(count == 10)
      }
      #expect(events.hasHappened("half-closed"))
    }
  }

  @Test("200 RPCs at once", arguments: TestTunnel.all)
  func concurrentRPCs(tunnel: TestTunnel) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0 ..< 200 {
          group.addTask {
            let kind = RPCKind.allCases[number % RPCKind.allCases.count]
            let message = [UInt8](pattern: 10 * number)
            let reply = try await client.call(ControlCall(kind, [.echo], messages: [message]))
            #expect(reply.error == nil)
            #expect(reply.messages == [message])
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
