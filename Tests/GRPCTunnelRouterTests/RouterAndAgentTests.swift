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
internal import GRPCTunnelRouter
internal import Logging
internal import Testing

@Suite("Router and agent", .timeLimit(.minutes(5)))
struct RouterAndAgentTests {
  @Test(
    "messages pass both ways",
    arguments: [[], [0], [1], [0, 0], [16_384, 16_385, 0, 1], [1_048_576, 1_048_576]]
  )
  func messages(sizes: [Int]) async throws {
    let messages = sizes.map { [UInt8](repeating: 7, count: $0) }
    try await withRoute { route in
      #expect(try await route.call(RawService.echo, messages).messages == messages)
      let count = try await route.call(RawService.count, messages).messages
      #expect(count == messages.map { _ in [UInt8(messages.count)] })
    }
  }

  @Test("metadata passes both ways, whatever its bytes")
  func metadata() async throws {
    let sent: Metadata = [
      "text": "one",
      "text": "two",
      "all-bin": .binary(Array(0 ... 255)),
      "one-bin": .binary([0xff]),
      "empty-bin": .binary([]),
    ]
    try await withRoute { route in
      let reply = try await route.call(RawService.echo, metadata: sent)
      for metadata in [reply.metadata, reply.trailers] {
        #expect(Array(metadata[stringValues: "text"]) == ["one", "two"])
        #expect(Array(metadata[binaryValues: "all-bin"]) == [Array(0 ... 255)])
        #expect(Array(metadata[binaryValues: "one-bin"]) == [[0xff]])
        #expect(Array(metadata[binaryValues: "empty-bin"]) == [[]])
        #expect(Array(metadata["tunnel-key"]).isEmpty)
      }
    }
  }

  @Test("a status passes with its message, details and trailers")
  func status() async throws {
    try await withRoute { route in
      let error = try await route.error(RawService.fail)
      #expect(error.code == .failedPrecondition)
      #expect(error.message == "100% schön")
      #expect(Array(error.metadata[binaryValues: "raw-bin"]) == [[0xff]])
      let details = try #require(
        error.metadata[binaryValues: "grpc-status-details-bin"].first { _ in true }
      )
      #expect(details.starts(with: [8, 9]))
      #expect(Array(details.suffix(RawService.detail.count)) == RawService.detail)
    }
  }

  @Test("an unknown method is the server's to refuse")
  func unknownMethod() async throws {
    try await withRoute { route in
      let method = MethodDescriptor(fullyQualifiedService: "no.Such", method: "Method")
      let error = try await route.error(method)
      #expect(error.code == .unimplemented)
    }
  }

  @Test("an unknown key is named")
  func unknownKey() async throws {
    try await withRoute { route in
      let error = try await route.error(RawService.echo, key: "shop-43")
      #expect(error.code == .unavailable)
      #expect(error.message.contains("shop-43"))
    }
  }

  @Test("a missing key is asked for")
  func missingKey() async throws {
    try await withRoute { route in
      let error = try await route.error(RawService.echo, key: nil)
      #expect(error.code == .invalidArgument)
      #expect(error.message.contains("tunnel-key"))
    }
  }

  @Test("an upstream that is down is named, again and again")
  func upstreamIsDown() async throws {
    // Nobody can listen there without being root.
    let settings = TestRouteSettings(agent: { $0.healthCheckInterval = nil })
    try await withRoute(to: NetworkAddress(host: "127.0.0.1", port: 1), settings) { route in
      for _ in 0 ..< 3 {
        let error = try await route.error(RawService.echo)
        #expect(error.code == .unavailable)
        #expect(error.message.contains("127.0.0.1:1"))
      }
    }
  }

  @Test("a deadline reaches the server, and ends the RPC on both ends")
  func deadline() async throws {
    let service = RawService()
    try await withRoute(service) { route in
      // The connections exist then, so that the deadline passes at the server and not before.
      _ = try await route.call(RawService.echo, [[1]])
      let error = try await route.error(RawService.wait, timeout: .seconds(3))
      #expect(error.code == .deadlineExceeded)
      var events = service.events.makeAsyncIterator()
      let start = try #require(await events.next())
      #expect(start.hasPrefix("started "))
      #expect(start.hasSuffix("u"), "a timeout of less than 10 s is one of microseconds: \(start)")
      #expect(await events.next() == "cancelled")
    }
  }

  @Test(
    "no timeout ends the process of the router, the agent or the server",
    arguments: ["-5S", "-1n", "99999999H", "9999999H", "x", ""]
  )
  func hostileTimeouts(timeout: String) async throws {
    try await withRoute { route in
      let metadata: Metadata = ["grpc-timeout": .string(timeout)]
      let reply = try await route.call(RawService.echo, [[1]], metadata: metadata)
      #expect(reply.messages == [[1]])
    }
  }

  @Test("a caller's cancellation reaches the server")
  func cancellation() async throws {
    let service = RawService()
    try await withRoute(service) { route in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { _ = try? await route.call(RawService.wait) }
        var events = service.events.makeAsyncIterator()
        #expect(await events.next() == "started ")
        group.cancelAll()
        #expect(await events.next() == "cancelled")
      }
    }
  }

  @Test("150 RPCs at once, more than a connection takes")
  func manyAtOnce() async throws {
    let service = RawService()
    try await withRoute(service) { route in
      await withTaskGroup(of: Void.self) { group in
        for _ in 0 ..< 150 {
          group.addTask { _ = try? await route.call(RawService.wait) }
        }
        // All of them are in the server at the same time.
        var events = service.events.makeAsyncIterator()
        for _ in 0 ..< 150 {
          #expect(await events.next() == "started ")
        }
        group.cancelAll()
      }
    }
  }

  @Test("an RPC that is open is finished before the router ends")
  func drains() async throws {
    try await withRoute { route in
      let (signals, continuation) = AsyncStream.makeStream(of: Void.self)
      let replies = try await route.client.bidirectionalStreaming(
        request: StreamingClientRequest(metadata: ["tunnel-key": "shop-42"]) { writer in
          try await writer.write([1])
          for await _ in signals {}
          try await writer.write([2])
        },
        descriptor: RawService.echo,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        var messages: [[UInt8]] = []
        for try await message in response.messages {
          messages.append(message)
          if messages.count == 1 {
            route.router.beginGracefulShutdown()
            continuation.finish()
          }
        }
        return messages
      }
      #expect(replies == [[1], [2]])
    }
  }

  @Test("an address in use is named")
  func addressInUse() async throws {
    try await withRoute { route in
      let taken = try #require(await route.router.callerAddress)
      let router = try await Router(
        config: RouterConfig(
          tunnelAddress: NetworkAddress(host: "127.0.0.1", port: 0),
          callerAddress: taken
        ),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      )
      let error = await #expect(throws: RouterError.self) { try await router.run() }
      #expect(error?.description.contains("\(taken)") == true)
    }
  }
}
