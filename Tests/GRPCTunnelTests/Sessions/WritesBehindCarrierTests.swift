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
internal import GRPCTunnel
internal import GRPCTunnelProtocol
internal import GRPCTunnelTestSupport
internal import Testing

/// PROTOCOL.md 4: whoever writes is set free by the RPC's deadline, though nothing leaves: the window is
/// wide, but the peer does not read the carrier.
@Suite("Writes that wait for the carrier", .timeLimit(.minutes(5)))
struct WritesBehindCarrierTests {
  private static let window: UInt32 = 2_147_483_647

  @Test("a handler's end at its deadline", arguments: RawTunnel.all)
  func handler(tunnel: RawTunnel) async throws {
    let clock = ManualClock()
    let events = ControlEvents()
    var tunnel = tunnel
    tunnel.clock = clock.clock
    try await tunnel.withOurServer(offering: [ControlService(events: events)]) { peer in
      let call = ControlCall(
        .bidirectional,
        [.signal("started"), .send(1_000, size: 100_000)],
        metadata: [ControlKey.cancelled: "cancelled"]
      )
      try await peer.send(.call(1, call, window: Self.window, timeout: "60S"))
      try await events.wait(for: "started")
      try await clock.passHandshake(before: .seconds(60))
      clock.advance(by: .seconds(50))
      try await events.wait(for: "cancelled")
      // It has not written everything.
      #expect(try await peer.readClose(of: 1).rpcCode == .deadlineExceeded)
    }
  }

  @Test("a caller's end at its deadline", arguments: RawTunnel.all)
  func caller(tunnel: RawTunnel) async throws {
    let clock = ManualClock()
    let events = ControlEvents()
    var tunnel = tunnel
    tunnel.clock = clock.clock
    let settings = ServerFrame.settings(.zero, .one, window: Self.window)
    try await tunnel.withOurClient(settings: settings) { client, peer in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          // Not by the options: those are kept to by GRPCCore too, whose clock is the real one.
          _ = try? await client.clientStreaming(
            request: StreamingClientRequest(metadata: ["grpc-timeout": "20S"]) { writer in
              do {
                while true {
                  try await writer.write([UInt8](pattern: 100_000))
                }
              } catch {
                events.happen("the writer failed")
                throw error
              }
            },
            descriptor: RPCKind.clientStreaming.controlMethod,
            serializer: RawCoder(),
            deserializer: RawCoder(),
            options: .defaults
          ) { _ in }
        }
        let (id, _) = try await peer.readNewStream()
        try await clock.passHandshake(before: .seconds(20))
        clock.advance(by: .seconds(10))
        try await events.wait(for: "the writer failed")
        while try await peer.nextOrThrow() != .cancel(id) {}
        try await group.waitForAll()
      }
    }
  }
}
