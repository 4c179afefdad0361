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
internal import GRPCTunnelProtocol
internal import Testing

@testable internal import GRPCTunnel

@Suite("A carrier whose peer takes nothing")
struct StuckCarrierTests {
  /// Takes no frame, and says when it is asked to.
  private struct StuckWriter: RPCWriterProtocol {
    let asked: OneShotEvent

    func write(_ element: ClientFrame) async throws {
      self.asked.fire()
      try await OneShotEvent().wait()
    }

    func write(contentsOf elements: some Sequence<ClientFrame>) async throws {
      for element in elements {
        try await self.write(element)
      }
    }
  }

  @Test("does not keep its tunnel from ending", .timeLimit(.minutes(5)))
  func close() async throws {
    let silent = CarrierHeaders(negotiates: false, extensions: [])
    let session = ClientSession(
      configuration: TunnelConfiguration(),
      offered: silent,
      origin: TunnelOrigin(direction: .forward),
      observer: TunnelObserver(.none, direction: .forward, role: .client),
      clock: .continuous
    )
    session.startConnecting()
    session.carrierOpened(peer: silent)
    let asked = OneShotEvent()
    let (inbound, source) = AsyncThrowingStream.makeStream(of: ServerFrame.self)
    defer { source.finish() }

    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await session.runAccepted(
          inbound: RPCAsyncSequence(wrapping: inbound),
          outbound: RPCWriter(wrapping: StuckWriter(asked: asked)),
          onExpiry: { _ in },
          read: { inbound in await session.readFrames(from: inbound) { session.receive($0) } }
        )
      }
      let method = MethodDescriptor(fullyQualifiedService: "test.Service", method: "Method")
      try await session.withStream(ClientCall(method, .defaults, now: .zero)) { stream, _ in
        try await stream.outbound.write(.metadata([:]))
        try await asked.wait()
        session.close(TunnelEnd(initiator: .local, error: nil))
        await #expect(throws: RPCError.self) {
          for try await _ in stream.inbound {}
        }
      }
      try await group.waitForAll()
    }
  }
}
