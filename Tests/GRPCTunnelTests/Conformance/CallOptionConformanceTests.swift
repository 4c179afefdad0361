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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Conformance: call options", .timeLimit(.minutes(5)))
struct CallOptionConformanceTests {
  // MARK: - Sizes of messages

  @Test(
    "a request message above the caller's limit fails its RPC",
    arguments: TestTunnel.allWithKinds
  )
  func requestLimit(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for (limit, size) in [(100, 101), (0, 1), (20_000, 100_000)] {
        let reply = try await client.call(
          ControlCall(
            kind,
            [.echo],
            messages: [[UInt8](pattern: size)],
            options: .defaults { $0.maxRequestMessageBytes = limit }
          )
        )
        #expect(reply.error?.code == .resourceExhausted)
        #expect(
          reply.error?.message
            == "The request's message of \(size) bytes is above the limit of \(limit)."
        )
      }
      for (limit, size) in [(100, 100), (0, 0)] {
        let message = [UInt8](pattern: size)
        let reply = try await client.call(
          ControlCall(
            kind,
            [.echo],
            messages: [message],
            options: .defaults { $0.maxRequestMessageBytes = limit }
          )
        )
        #expect(reply.messages == [message])
      }
    }
  }

  // PROTOCOL.md 5: refuse a message above the configured maximum.
  @Test(
    "a response message above the caller's limit fails its RPC",
    arguments: TestTunnel.allWithKinds
  )
  func responseLimit(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for (limit, size) in [(100, 101), (0, 1), (20_000, 100_000)] {
        let reply = try await client.call(
          ControlCall(
            kind,
            [.send(1, size: size)],
            options: .defaults { $0.maxResponseMessageBytes = limit }
          )
        )
        #expect(reply.error?.code == .resourceExhausted)
        #expect(reply.error?.message.contains("\(size)") == true)
        #expect(reply.error?.message.contains("\(limit)") == true)
        #expect(reply.messages.isEmpty)
      }
      for (limit, size) in [(100, 100), (0, 0)] {
        let reply = try await client.call(
          ControlCall(
            kind,
            [.send(1, size: size)],
            options: .defaults { $0.maxResponseMessageBytes = limit }
          )
        )
        #expect(reply.messages.map(\.count) == [size])
      }
    }
  }

  @Test(
    "a caller's limit takes the place of its tunnel's, be it lower or higher",
    arguments: TestTunnel.allWithKinds
  )
  func raisedLimit(tunnel: TestTunnel, kind: RPCKind) async throws {
    var tunnel = tunnel
    // Of a tunnel that carries this one it is the limit too: enough for a frame.
    tunnel.config.limits.maximumMessageSize = 20_000
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      var call = ControlCall(kind, [.send(1, size: 100_000)])
      let refused = try await client.call(call)
      #expect(refused.error?.code == .resourceExhausted)
      call.options.maxResponseMessageBytes = 100_000
      let taken = try await client.call(call)
      #expect(taken.messages.map(\.count) == [100_000])
    }
  }

  // PROTOCOL.md 5: refuse a message above the configured maximum (default 4 MiB).
  @Test("messages above what the ends take fail their RPCs alone", arguments: TestTunnel.inMemory)
  func configuredLimit(tunnel: TestTunnel) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      let size = 4 * 1024 * 1024 + 1
      for call in [
        ControlCall(.unary, [.count], messages: [[UInt8](repeating: 0, count: size)]),
        ControlCall(.unary, [.send(1, size: size)]),
      ] {
        let reply = try await client.call(call)
        #expect(reply.error?.code == .resourceExhausted)
        #expect(reply.error?.message.contains("\(size)") == true)
      }
      let reply = try await client.call(ControlCall(.unary, [.echo], messages: [[1]]))
      #expect(reply.messages == [[1]])
    }
  }

  // MARK: - Compression

  /// Each hop has its own: that of an RPC's options is for a transport that compresses messages,
  /// which a tunnel does not; its carrier may.
  @Test("the compression of an RPC does no harm", arguments: TestTunnel.allWithKinds)
  func compression(tunnel: TestTunnel, kind: RPCKind) async throws {
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for algorithm in [CompressionAlgorithm.none, .deflate, .gzip] {
        let message = [UInt8](pattern: 100_000)
        let reply = try await client.call(
          ControlCall(
            kind,
            [.echo],
            messages: [message],
            options: .defaults { $0.compression = algorithm }
          )
        )
        #expect(reply.messages == [message])
      }
    }
  }

  @Test(
    "a compressed carrier carries a tunnel as any other",
    arguments: TestTunnel.inMemory,
    RPCKind.allCases
  )
  func compressedCarrier(tunnel: TestTunnel, kind: RPCKind) async throws {
    var tunnel = tunnel
    tunnel.carrier = .http2
    tunnel.compressesCarrier = true
    try await tunnel.run(offering: [ControlService(events: ControlEvents())]) { client in
      for size in [0, 1, 100_000] {
        let message = [UInt8](pattern: size)
        let reply = try await client.call(ControlCall(kind, [.echo], messages: [message]))
        #expect(reply.messages == [message])
      }
    }
  }
}
