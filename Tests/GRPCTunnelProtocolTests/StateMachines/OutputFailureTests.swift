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

@Suite("A carrier that takes no more frames")
struct OutputFailureTests {
  private static let failure = TunnelEnd(
    initiator: .remote,
    error: RPCError(code: .unavailable, message: "cannot write")
  )

  /// How the other direction of the carrier ends.
  private static let ends: [TunnelEnd] = [
    TunnelEnd(initiator: .remote, error: nil),
    TunnelEnd(initiator: .remote, error: RPCError(code: .internalError, message: "a fault")),
    TunnelEnd(initiator: .local, error: nil, reason: "cancelled"),
  ]

  @Test("leaves it to the other direction to say why the tunnel ended", arguments: Self.ends)
  func reason(end: TunnelEnd) {
    var client = TunnelClientStateMachine.opened()
    var server = TunnelServerStateMachine.opened()
    client.outputFailed(Self.failure, now: .zero)
    server.outputFailed(Self.failure, now: .zero)
    #expect(client.closure == nil)
    #expect(server.closure == nil)
    client.close(end)
    server.close(end)
    for closure in [client.closure, server.closure] {
      #expect(closure?.initiator == end.initiator)
      #expect(closure?.error?.message == end.error?.message)
      #expect(closure?.reason == end.reason)
    }
  }

  @Test("ends the tunnel itself when the other direction goes on")
  func timeout() {
    var client = TunnelClientStateMachine.opened()
    var server = TunnelServerStateMachine.opened()
    client.outputFailed(Self.failure, now: .seconds(1))
    server.outputFailed(Self.failure, now: .seconds(1))
    // What comes later changes nothing.
    client.outputFinished(now: .seconds(3))
    server.outputFinished(now: .seconds(3))
    #expect(client.nextTimer == .seconds(6))
    #expect(server.nextTimer == .seconds(6))
    _ = client.expireTimers(now: .seconds(6))
    _ = server.expireTimers(now: .seconds(6))
    for closure in [client.closure, server.closure] {
      #expect(closure?.initiator == .remote)
      #expect(closure?.error?.message == "cannot write")
    }
  }

  @Test("still delivers the responses that are under way, but starts no RPC")
  func responses() throws {
    var client = TunnelClientStateMachine.opened()
    guard case .reserved = client.reserveStream() else {
      Issue.record("The tunnel takes no stream.")
      return
    }
    let id = try client.open(method: "s/m", headers: [:], timeout: nil, now: .zero)
    client.outputFailed(Self.failure, now: .zero)
    #expect(!client.isReady)
    guard case .failed(let error) = client.reserveStream() else {
      Issue.record("The tunnel takes streams.")
      return
    }
    #expect(error.code == .unavailable)
    #expect(error.message == "The tunnel was lost: cannot write")
    _ = client.receive(ServerFrame(id, .closeStream(.ok)), now: .zero)
    _ = client.read(id)
    guard case .part(.close(let close)) = client.read(id) else {
      Issue.record("The response is lost.")
      return
    }
    #expect(close == .ok)
  }

  @Test("does not stop reading for frames that it cannot send: the reason would come late")
  func pause() throws {
    var client = TunnelClientStateMachine.opened { $0.maximumQueuedControlFrames = 2 }
    var server = TunnelServerStateMachine.opened { $0.maximumQueuedControlFrames = 2 }
    let ids: [StreamID] = [1, 2, 3]
    for id in ids {
      #expect(try client.start() == id)
      _ = server.receive(.newStream(id, "malformed"))
    }
    #expect(client.isInboundPaused)
    #expect(server.isInboundPaused)
    client.outputFailed(Self.failure, now: .zero)
    server.outputFailed(Self.failure, now: .zero)
    #expect(!client.isInboundPaused)
    #expect(!server.isInboundPaused)
    for id in ids { client.release(id) }
    #expect(!client.isInboundPaused)
    #expect(!client.hasFrames)
    #expect(!server.hasFrames)
  }

  @Test("runs no handler whose response could not be sent")
  func handlers() {
    var server = TunnelServerStateMachine.opened()
    server.outputFailed(Self.failure, now: .zero)
    #expect(server.receive(.newStream(1)).isIgnored)
  }
}
