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

@Suite("Conformance: deadlines and cancellation (PROTOCOL.md 4)", .timeLimit(.minutes(5)))
struct EndingConformanceTests {
  @Test("a deadline ends the RPC at both ends", arguments: TestTunnel.allWithKinds)
  func deadlines(tunnel: TestTunnel, kind: RPCKind) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      // Where much else runs, a short deadline may pass before the handler has started.
      for timeout in [50, 500, 5_000, 50_000] where !events.hasHappened("started") {
        var options = CallOptions.defaults
        options.timeout = .milliseconds(timeout)
        let reply = try await client.call(
          ControlCall(
            kind,
            [.signal("started"), .awaitCancellation, .signal("handler done")],
            metadata: [ControlKey.cancelled: "cancelled"],
            options: options
          )
        )
        #expect(reply.error?.code == .deadlineExceeded)
        let next = try await client.call(ControlCall(kind, [.echo], messages: [[1]]))
        #expect(next.messages == [[1]])
      }
      try await events.wait(for: "cancelled")
      try await events.wait(for: "handler done")
    }
  }

  @Test(
    "a deadline ends the RPC whatever its handler does, and what that writes later is dropped",
    arguments: TestTunnel.allWithKinds
  )
  func deadlineOfStubbornHandler(tunnel: TestTunnel, kind: RPCKind) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      let reply = try await client.call(
        ControlCall(
          kind,
          [.wait("let go"), .send(3, size: 50_000)],
          options: .defaults { $0.timeout = .milliseconds(50) }
        )
      )
      #expect(reply.error?.code == .deadlineExceeded)
      events.happen("let go")
      let next = try await client.call(ControlCall(kind, [.echo], messages: [[1]]))
      #expect(next.messages == [[1]])
    }
  }

  @Test(
    "a deadline ends the RPC of a handler whose writes wait for credit",
    arguments: TestTunnel.all
  )
  func deadlineOfBlockedHandler(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      // The deadline is not to pass while the tunnel is opened; but where much else runs, a short one
      // may pass before the handler has started.
      _ = try await client.call(ControlCall(.unary, [.echo]))
      for timeout in [50, 500, 5_000, 50_000] where !events.hasHappened("started") {
        let call = ControlCall(
          .serverStreaming,
          [.signal("started"), .send(1_000, size: 10_000)],
          metadata: [ControlKey.cancelled: "cancelled"]
        )
        let error = await #expect(throws: RPCError.self) {
          try await client.serverStreaming(
            request: ClientRequest(message: [], metadata: call.requestMetadata),
            descriptor: call.kind.controlMethod,
            serializer: RawCoder(),
            deserializer: RawCoder(),
            options: .defaults { $0.timeout = .milliseconds(timeout) }
          ) { _ in
            // Reads nothing.
            try await events.wait(for: "never")
          }
        }
        #expect(error?.code == .deadlineExceeded)
      }
      try await events.wait(for: "cancelled")
      let next = try await client.call(ControlCall(.unary, [.echo], messages: [[1]]))
      #expect(next.messages == [[1]])
    }
  }

  @Test(
    "a deadline ends an RPC whose messages wait for the carrier",
    arguments: TestTunnel.inMemory,
    RPCKind.allCases
  )
  func deadlineOfStalledCarrier(tunnel: TestTunnel, kind: RPCKind) async throws {
    var tunnel = tunnel
    tunnel.pair = CarrierPair()
    let pair = tunnel.pair
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      _ = try await client.call(ControlCall(.unary, [.echo]))
      pair.stall()
      let reply = try await client.call(
        ControlCall(
          kind,
          [.echo],
          messages: [[UInt8](pattern: 200_000)],
          options: .defaults { $0.timeout = .milliseconds(50) }
        )
      )
      #expect(reply.error?.code == .deadlineExceeded)
      pair.resume()
      let next = try await client.call(ControlCall(kind, [.echo], messages: [[1]]))
      #expect(next.messages == [[1]])
    }
  }

  @Test("a handler sees that the client cancels", arguments: TestTunnel.allWithKinds)
  func cancellation(tunnel: TestTunnel, kind: RPCKind) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          let reply = try? await client.call(
            ControlCall(
              kind,
              [.signal("started"), .awaitCancellation, .signal("handler done")],
              metadata: [ControlKey.cancelled: "cancelled"]
            )
          )
          #expect(reply?.error?.code ?? .cancelled == .cancelled)
        }
        try? await events.wait(for: "started")
        group.cancelAll()
      }
      try await events.wait(for: "cancelled")
      try await events.wait(for: "handler done")

      let reply = try await client.call(ControlCall(kind, [.echo], messages: [[1]]))
      #expect(reply.messages == [[1]])
    }
  }

  @Test("a client that stops reading a response cancels", arguments: TestTunnel.all)
  func abandonedResponse(tunnel: TestTunnel) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      let call = ControlCall(
        .bidirectional,
        [.send(100_000, size: 10_000)],
        messages: [],
        metadata: [ControlKey.cancelled: "cancelled"]
      )
      try await client.bidirectionalStreaming(
        request: StreamingClientRequest<[UInt8]>(metadata: call.requestMetadata) { _ in },
        descriptor: call.kind.controlMethod,
        serializer: RawCoder(),
        deserializer: RawCoder(),
        options: .defaults
      ) { response in
        for try await _ in response.messages { break }
      }
      try await events.wait(for: "cancelled")
    }
  }
}
