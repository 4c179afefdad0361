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

@Suite("A carrier that cannot be written to", .timeLimit(.minutes(5)))
struct FailingCarrierTests {
  /// Fails as NIO's writers do when the stream has ended.
  private struct FailingWriter: RPCWriterProtocol {
    struct AlreadyFinished: Error {}

    let asked: OneShotEvent

    func write(_ element: ClientFrame) async throws {
      self.asked.fire()
      throw AlreadyFinished()
    }

    func write(contentsOf elements: some Sequence<ClientFrame>) async throws {
      self.asked.fire()
      throw AlreadyFinished()
    }
  }

  @Test("ends as whoever reads it says, and its RPCs with it")
  func reason() async throws {
    let silent = CarrierHeaders(negotiates: false, extensions: [])
    let session = ClientSession(
      configuration: TunnelConfiguration(),
      offered: silent,
      origin: TunnelOrigin(direction: .reverse),
      observer: TunnelObserver(.none, direction: .reverse, role: .client),
      clock: .continuous
    )
    session.startConnecting()
    session.carrierOpened(peer: silent)
    let asked = OneShotEvent()
    let (inbound, source) = AsyncThrowingStream.makeStream(of: ServerFrame.self)

    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await session.runAccepted(
          inbound: RPCAsyncSequence(wrapping: inbound),
          outbound: RPCWriter(wrapping: FailingWriter(asked: asked)),
          onExpiry: { _ in },
          read: { inbound in await session.readFrames(from: inbound) { session.receive($0) } }
        )
      }
      let method = MethodDescriptor(fullyQualifiedService: "test.Service", method: "Method")
      try await session.withStream(ClientCall(method, .defaults, now: .zero)) { stream, _ in
        try await stream.outbound.write(.metadata([:]))
        try await asked.wait()
        source.finish(throwing: RPCError(code: .aborted, message: "the reason"))
        let error = await #expect(throws: RPCError.self) {
          for try await _ in stream.inbound {}
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message == "The tunnel was lost: the reason")
      }
      try await group.waitForAll()
    }
    let closure = session.inspect { $0.closure }
    #expect(closure?.initiator == .remote)
    #expect(closure?.error?.message == "the reason")
  }
}
