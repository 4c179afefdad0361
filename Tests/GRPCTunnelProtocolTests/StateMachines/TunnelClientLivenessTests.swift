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

/// PROTOCOL.md 11, and the hint of PROTOCOL.md 8.
@Suite("Tunnel client: liveness of its peer")
struct TunnelClientLivenessTests {
  private static func isProbe(_ frame: ClientFrame?) -> Bool {
    guard case .newStream(let newStream)? = frame?.payload else { return false }
    return newStream.methodName == "/grpctunnel.v1.Liveness/Probe"
  }

  private static func probing() -> TunnelClientStateMachine {
    .opened { $0.probeInterval = .seconds(30) }
  }

  private static let shuttingDown = CloseStream(.unavailable, "server is shutting down")

  @Test("PROTOCOL.md 11: a silent peer gets a probe, followed by no other frame")
  func probe() {
    var client = Self.probing()
    #expect(client.nextTimer == .seconds(30))
    #expect(client.expireTimers(now: .seconds(29)).streams == [])
    #expect(client.takeFrames().isEmpty)
    #expect(client.expireTimers(now: .seconds(30)).streams == [])
    let frames = client.takeFrames()
    #expect(frames.count == 1)
    #expect(Self.isProbe(frames.first))
    #expect(!client.isReady)
    #expect(client.nextTimer == .seconds(40))
  }

  @Test(
    "PROTOCOL.md 11: any close is proof of life",
    arguments: [CloseStream.ok, CloseStream(.unimplemented), shuttingDown]
  )
  func answer(close: CloseStream) {
    var client = Self.probing()
    _ = client.expireTimers(now: .seconds(30))
    #expect(client.receive(ServerFrame(1, .closeStream(close)), now: .seconds(31)).isTunnel)
    #expect(client.isReady)
    #expect(client.figures.probeRoundTrip == .seconds(1))
    #expect(client.nextTimer == .seconds(61))
    #expect(client.figures.streamsStarted == 0)
  }

  @Test("PROTOCOL.md 11: a peer that does not answer is dead, and its RPCs fail with the cause")
  func dead() throws {
    var client = Self.probing()
    let id = try client.start()
    _ = client.takeFrames()
    _ = client.expireTimers(now: .seconds(30))
    #expect(client.expireTimers(now: .seconds(40)).isClosed)
    #expect(client.closure?.initiator == .local)
    #expect(client.closure?.error?.code == .unavailable)
    guard case .failed(let error) = client.read(id) else {
      Issue.record("The stream lives on")
      return
    }
    #expect(error.code == .unavailable)
    #expect(error.message.contains("liveness probe"))
  }

  @Test("An RPC goes on beside a probe, and its frames are signs of life")
  func besides() throws {
    var client = Self.probing()
    let id = try client.start()
    _ = client.expireTimers(now: .seconds(30))
    let headers = ServerFrame(id, .responseHeaders([:]))
    _ = client.receive(headers, now: .seconds(39))
    #expect(client.isReady)
    _ = client.expireTimers(now: .seconds(40))
    #expect(client.closure == nil)
  }

  @Test("A frame that is otherwise ignored makes a silent tunnel ready again")
  func ignoredFrames() {
    var client = Self.probing()
    _ = client.expireTimers(now: .seconds(30))
    #expect(client.receive(ServerFrame(-5, nil), now: .seconds(31)).isTunnel)
    #expect(client.isReady)
    #expect(client.receive(ServerFrame(-5, nil), now: .seconds(32)).isIgnored)
  }

  @Test("PROTOCOL.md 11: there are no probes at revision zero")
  func revisionZero() {
    var client = TunnelClientStateMachine.opened(at: .zero) {
      $0.probeInterval = .seconds(30)
    }
    #expect(client.nextTimer == nil)
    client.probe(now: .zero)
    _ = client.expireTimers(now: .seconds(100))
    #expect(client.takeFrames().isEmpty)
  }

  @Test("Probes can be switched off, and asked for at once")
  func onRequest() {
    var client = TunnelClientStateMachine.opened { $0.probeInterval = nil }
    #expect(client.nextTimer == nil)
    client.probe(now: .seconds(5))
    client.probe(now: .seconds(6))
    #expect(client.takeFrames().count == 1)
    #expect(client.nextTimer == .seconds(15))
  }

  @Test("PROTOCOL.md 8: a Go peer's refusal is a hint, which its answer to a probe confirms")
  func confirmedHint() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.takeFrames()
    _ = client.receive(ServerFrame(id, .closeStream(Self.shuttingDown)), now: .seconds(1))
    #expect(!client.isReady)
    #expect(!client.isDrainingOrClosed)
    let frames = client.takeFrames()
    #expect(frames.count == 1)
    #expect(Self.isProbe(frames.first))
    _ = client.receive(ServerFrame(2, .closeStream(Self.shuttingDown)), now: .seconds(2))
    #expect(client.isPeerDraining)
    #expect(client.reserveStream().errorCode == .unavailable)
    // Neither says that the RPC was not processed.
    guard case .close(let close) = client.read(id).part else {
      Issue.record("The stream goes on")
      return
    }
    #expect(!close.unprocessed)
  }

  @Test("PROTOCOL.md 8: an application may say the same: then the tunnel is chosen again")
  func refutedHint() throws {
    var client = TunnelClientStateMachine.opened()
    let id = try client.start()
    _ = client.receive(ServerFrame(id, .closeStream(Self.shuttingDown)), now: .seconds(1))
    _ = client.receive(ServerFrame(2, .closeStream(CloseStream(.unimplemented))), now: .seconds(2))
    #expect(client.isReady)
    #expect(!client.isPeerDraining)
  }

  @Test("PROTOCOL.md 8: at revision zero the hint holds for 5 s")
  func hintWithoutProbe() throws {
    var client = TunnelClientStateMachine.opened(at: .zero)
    let id = try client.start()
    _ = client.receive(ServerFrame(id, .closeStream(Self.shuttingDown)), now: .seconds(1))
    #expect(!client.isReady)
    #expect(client.nextTimer == .seconds(6))
    _ = client.expireTimers(now: .seconds(6))
    #expect(client.isReady)
  }

  @Test("PROTOCOL.md 8: behind other frames, or from a peer with the extension, it is no hint")
  func noHint() throws {
    var client = TunnelClientStateMachine.opened()
    var id = try client.start()
    _ = client.receive(ServerFrame(id, .responseHeaders([:])))
    _ = client.receive(ServerFrame(id, .closeStream(Self.shuttingDown)))
    #expect(client.isReady)

    client = .opened(.extended)
    id = try client.start()
    _ = client.receive(ServerFrame(id, .closeStream(Self.shuttingDown)))
    #expect(client.isReady)
  }

  @Test("Once sending has ended, a probe that is due would be due for ever: there is none")
  func noProbeBehindTheEnd() {
    var client = Self.probing()
    client.beginDrain(now: .seconds(28))
    _ = client.takeFrames()
    client.outputFinished(now: .seconds(28))
    #expect(client.nextTimer == .seconds(33))
    #expect(client.expireTimers(now: .seconds(30)).streams == [])
    #expect(client.nextTimer == .seconds(33))
  }

  @Test("Once sending has ended, no answer counts, and a probe without one is no fault")
  func unansweredProbeBehindTheEnd() {
    var client = Self.probing()
    _ = client.expireTimers(now: .seconds(30))
    client.beginDrain(now: .seconds(38))
    _ = client.takeFrames()
    client.outputFinished(now: .seconds(38))
    #expect(client.expireTimers(now: .seconds(40)).streams == [])
    #expect(client.expireTimers(now: .seconds(43)).isClosed)
    #expect(client.closure?.error == nil)
  }
}
