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

@Suite("One stuck stream stops no other (PROTOCOL.md 6)", .timeLimit(.minutes(5)))
struct BackPressureTests {
  @Test("a handler that does not read", arguments: TestTunnel.revisionOne)
  func handlerThatDoesNotRead(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let reply = try await client.call(
            ControlCall(
              .clientStreaming,
              [.signal("stuck"), .wait("others are done"), .count],
              messages: Array(repeating: [UInt8](pattern: 20_000), count: 20)
            )
          )
          #expect(reply.text == [ControlCount(messages: 20, bytes: 400_000).description])
        }
        try await events.wait(for: "stuck")

        try await withThrowingTaskGroup(of: Void.self) { others in
          for _ in 0 ..< 10 {
            others.addTask {
              let reply = try await client.call(
                ControlCall(
                  .clientStreaming,
                  [.count],
                  messages: Array(repeating: [UInt8](pattern: 20_000), count: 20)
                )
              )
              #expect(reply.text == [ControlCount(messages: 20, bytes: 400_000).description])
            }
          }
          try await others.waitForAll()
        }
        events.happen("others are done")
        try await group.waitForAll()
      }
    }
  }

  @Test("a caller that does not read", arguments: TestTunnel.revisionOne)
  func callerThatDoesNotRead(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let stuck = ControlCall(.serverStreaming, [.send(20, size: 20_000)])
          let count = try await client.serverStreaming(
            request: ClientRequest(message: [], metadata: stuck.requestMetadata),
            descriptor: stuck.kind.controlMethod,
            serializer: RawCoder(),
            deserializer: RawCoder(),
            options: .defaults
          ) { response in
            events.happen("stuck")
            try await events.wait(for: "others are done")
            return try await response.messages.reduce(into: 0) { $0 += $1.count }
          }
          #expect(count == 400_000)
        }
        try await events.wait(for: "stuck")

        try await withThrowingTaskGroup(of: Void.self) { others in
          for _ in 0 ..< 10 {
            others.addTask {
              let reply = try await client.call(
                ControlCall(.serverStreaming, [.send(20, size: 20_000)])
              )
              #expect(reply.messages.map(\.count) == Array(repeating: 20_000, count: 20))
            }
          }
          try await others.waitForAll()
        }
        events.happen("others are done")
        try await group.waitForAll()
      }
    }
  }

  @Test("messages larger than the window flow both ways at once", arguments: TestTunnel.inMemory)
  func largeMessagesBothWays(tunnel: TestTunnel) async throws {
    let messages = Array(repeating: [UInt8](pattern: 300_000), count: 4)
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0 ..< 4 {
          group.addTask {
            let reply = try await client.call(
              ControlCall(.bidirectional, [.echo], messages: messages)
            )
            #expect(reply.error == nil)
            #expect(reply.messages == messages)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("a writer waits for the reader at the other end", arguments: TestTunnel.inMemory)
  func writersWait(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      let call = ControlCall(.clientStreaming, [.wait("read"), .count])
      let count = Counter()
      let reply = try await client.clientStreaming(
        request: StreamingClientRequest(metadata: call.requestMetadata) { writer in
          try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
              for _ in 0 ..< 100 {
                try await writer.write([UInt8](pattern: 20_000))
                count.increment()
              }
            }
            // The others go on meanwhile; then the writer has had all the time that it needs.
            if tunnel.revision == 1 {
              for _ in 0 ..< 20 {
                _ = try await client.call(ControlCall(.unary, [.echo]))
              }
              #expect(count.value < 100)
            }
            events.happen("read")
            try await group.waitForAll()
          }
        },
        descriptor: call.kind.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { try $0.message }
      #expect(
        String(decoding: reply, as: UTF8.self)
          == ControlCount(messages: 100, bytes: 2_000_000).description
      )
    }
  }
}
