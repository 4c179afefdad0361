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
internal import GRPCProtobuf
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: a tunnel in a tunnel in a tunnel", .timeLimit(.minutes(5)))
struct NestedTunnelTests {
  /// Three deep, in every mix of directions, anew for each kind of RPC.
  static var tunnels: [(TestTunnel, RPCKind)] {
    let directions = TestTunnel.Direction.allCases
    return RPCKind.allCases.flatMap { kind in
      directions.flatMap { outermost in
        directions.flatMap { middle in
          directions.map { innermost in
            let tunnel = TestTunnel(
              carrier: .tunnel,
              direction: innermost,
              outerDirections: [outermost, middle]
            )
            return (tunnel, kind)
          }
        }
      }
    }
  }

  @Test("carries messages of all sizes, of RPCs of all kinds", arguments: tunnels)
  func messages(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for size in [0, 1, 16_385, 200_000] {
        let message = [UInt8](pattern: size)
        let reply = try await client.call(ControlCall(kind, [.echo], messages: [message]))
        #expect(reply.error == nil)
        #expect(reply.messages == [message])
      }
    }
  }

  @Test("carries metadata of any bytes both ways", arguments: tunnels)
  func metadata(tunnel: TestTunnel, kind: RPCKind) async throws {
    let values: [[UInt8]] = [[0xff, 0xfe], [], Array(0 ... 255)]
    var metadata: Metadata = ["echo-text": "é", "echo-text": ""]
    for value in values {
      metadata.addBinary(value, forKey: "echo-values-bin")
    }
    let request = metadata
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let reply = try await client.call(ControlCall(kind, [.echo], metadata: request))
      #expect(reply.metadata.strings("initial-text") == ["é", ""])
      #expect(reply.metadata.binaries("initial-values-bin") == values)
      #expect(reply.trailers.strings("trailing-text") == ["é", ""])
      #expect(reply.trailers.binaries("trailing-values-bin") == values)
    }
  }

  @Test("carries rich errors", arguments: tunnels)
  func richErrors(tunnel: TestTunnel, kind: RPCKind) async throws {
    let status = GoogleRPCStatus(
      code: .aborted,
      message: "not thrice",
      details: [.errorInfo(.init(reason: "DEEP", domain: "example.com"))]
    )
    var tunnel = tunnel
    tunnel.serverInterceptors = [ThrowingInterceptor(error: status)]
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let error = try #require(try await client.call(ControlCall(kind, [.echo])).error)
      #expect(error.code == .aborted)
      #expect(try error.unpackGoogleRPCStatus() == status)
    }
  }

  @Test("keeps to deadlines", arguments: tunnels)
  func deadlines(tunnel: TestTunnel, kind: RPCKind) async throws {
    let events = ControlEvents()
    let seen = SeenTimeouts()
    var tunnel = tunnel
    tunnel.serverInterceptors = [seen]
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      let reply = try await client.call(
        ControlCall(kind, [.echo], options: .defaults { $0.timeout = .seconds(60) })
      )
      #expect(reply.error == nil)
      let late = try await client.call(
        ControlCall(kind, [.wait("let go")], options: .defaults { $0.timeout = .milliseconds(50) })
      )
      #expect(late.error?.code == .deadlineExceeded)
      events.happen("let go")
    }
    // Lowered, not lost.
    let timeout = try #require(seen.timeouts.first ?? nil)
    #expect(timeout <= .seconds(60))
    #expect(timeout > .zero)
  }

  @Test("tells handlers of cancellation", arguments: tunnels)
  func cancellation(tunnel: TestTunnel, kind: RPCKind) async throws {
    let events = ControlEvents()
    try await tunnel.run(offering: [ControlService(events: events)]) { client in
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          _ = try? await client.call(
            ControlCall(
              kind,
              [.signal("started"), .awaitCancellation],
              metadata: [ControlKey.cancelled: "cancelled"]
            )
          )
        }
        try? await events.wait(for: "started")
        group.cancelAll()
      }
      try await events.wait(for: "cancelled")
    }
  }
}
