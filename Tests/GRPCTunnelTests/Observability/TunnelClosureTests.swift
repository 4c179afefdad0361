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
internal import Logging
internal import Testing

@Suite("How a tunnel says that it ended", .timeLimit(.minutes(5)))
struct TunnelClosureTests {
  typealias Kind = TunnelEndUnderTest.Kind

  /// What ends a tunnel in which an RPC is open.
  enum Cause: CaseIterable {
    case peerEnds
    case peerFails
    case networkFails
    case peerBreaksProtocol
    case drainTimeout

    var side: String {
      switch self {
      case .peerEnds, .peerFails, .networkFails: "remote"
      case .peerBreaksProtocol, .drainTimeout: "local"
      }
    }

    var level: Logger.Level {
      switch self {
      case .peerEnds, .drainTimeout: .info
      case .peerFails: .error
      case .networkFails, .peerBreaksProtocol: .warning
      }
    }

    func reason(at kind: Kind) -> String? {
      switch self {
      case .peerEnds: nil
      // A network client has no status to send.
      case .peerFails: kind.dials ? "not any more" : "The client reset the stream."
      case .networkFails: "The connection was lost."
      case .peerBreaksProtocol: "The peer sent a frame for stream 99, never started."
      case .drainTimeout: "RPCs were still open 30.0 seconds after it began to drain"
      }
    }

    /// What the RPC that was open is told.
    func message(at kind: Kind) -> String {
      switch self {
      case .peerEnds: "The tunnel was closed by the peer."
      case .drainTimeout: "The tunnel was closed by this end: \(self.reason(at: kind) ?? "")."
      case .peerFails, .networkFails, .peerBreaksProtocol:
        "The tunnel was lost: \(self.reason(at: kind) ?? "")"
      }
    }
  }

  @Test(
    "names the side and the reason, to the open RPCs too",
    arguments: Kind.allCases,
    Cause.allCases
  )
  func closure(kind: Kind, cause: Cause) async throws {
    let end = TunnelEndUnderTest(kind)
    try await end.run { peer in
      switch cause {
      case .peerEnds: try await peer.end()
      case .peerFails: try await peer.fail()
      case .networkFails: end.pair.cut()
      case .peerBreaksProtocol: try await peer.breakProtocol()
      case .drainTimeout:
        end.shutDown()
        _ = try await end.log.line("tunnel draining")
        end.clock.advance(by: .seconds(30))
      }
      let closed = try await end.closed
      #expect(closed[.side] == cause.side)
      #expect(closed[.reason] == cause.reason(at: kind))
      let isPolicy = cause == .peerFails && kind.dials
      #expect(closed.level == (cause == .peerFails && !isPolicy ? .warning : cause.level))

      let failure = try await end.failures.first
      #expect(failure.code == .unavailable)
      #expect(failure.message == cause.message(at: kind))
    }
  }

  @Test("names its own side when it is shut down", arguments: Kind.allCases)
  func shutdown(kind: Kind) async throws {
    let end = TunnelEndUnderTest(kind)
    try await end.run(hasRPC: false) { peer in
      end.shutDown()
      try await peer.endAfterEnd()
      let closed = try await end.closed
      #expect(closed.level == .info)
      #expect(closed[.side] == "local")
      #expect(closed[.reason] == "drained")
    }
  }

  @Test("names its own side when its task is cancelled", arguments: Kind.allCases)
  func cancellation(kind: Kind) async throws {
    let end = TunnelEndUnderTest(kind)
    try await end.run { _ in
      end.cancel()
      let closed = try await end.closed
      #expect(closed.level == .info)
      #expect(closed[.side] == "local")
      #expect(closed[.reason] == "its task was cancelled")
      #expect(try await [.unavailable, .cancelled].contains(end.failures.first.code))
    }
  }

  @Test(
    "says so when a peer does not end the carrier",
    arguments: [Kind.forwardClient, .reverseServer]
  )
  func closeTimeout(kind: Kind) async throws {
    let end = TunnelEndUnderTest(kind)
    try await end.run(hasRPC: false) { _ in
      end.shutDown()
      try await end.clock.waitForSleeper(until: .seconds(5))
      end.clock.advance(by: .seconds(5))
      let closed = try await end.closed
      #expect(closed[.side] == "local")
      #expect(closed[.reason] == "the peer did not end the carrier within 5.0 seconds")
    }
  }

  @Test(
    "names its own side when the peer does not open the tunnel in time",
    arguments: [Kind.forwardClient, .reverseClient, .reverseServer]
  )
  func handshakeTimeout(kind: Kind) async throws {
    let end = TunnelEndUnderTest(kind)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await end.runEnd() }
      switch kind {
      case .forwardClient: _ = try await RawTunnelServer.accept(over: end.pair, headers: nil)
      case .reverseServer: _ = try await RawTunnelClient.accept(over: end.pair, headers: nil)
      case .reverseClient, .forwardServer: _ = try await RawTunnelServer.dial(over: end.pair)
      }
      try await end.clock.waitForSleeper(until: .seconds(10))
      end.clock.advance(by: .seconds(10))
      let line = try await end.log.line("tunnel not opened")
      #expect(line.level == .warning)
      #expect(line[.side] == "local")
      let reason =
        "The peer did not open the tunnel within the handshake timeout of 10.0 seconds."
      #expect(line[.reason] == reason)
      #expect(line[.code] == "UNAVAILABLE")
      end.cancel()
      try await group.waitForAll()
    }
  }

  @Test("says so when the peer falls silent", arguments: [Kind.forwardClient, .reverseClient])
  func silence(kind: Kind) async throws {
    let end = TunnelEndUnderTest(kind)
    try await end.run { _ in
      // The timer of the handshake may still be slept for.
      try await end.clock.waitForSleeper(until: .seconds(10) ... .seconds(30))
      end.clock.advance(by: .seconds(10))
      // The answer to a probe that is due after 30 s does not come.
      try await end.clock.waitForSleeper(until: .seconds(30))
      end.clock.advance(by: .seconds(20))
      try await end.clock.waitForSleeper(until: .seconds(40))
      end.clock.advance(by: .seconds(10))
      let closed = try await end.closed
      #expect(closed.level == .warning)
      #expect(closed[.side] == "local")
      let reason = "The peer did not answer a liveness probe within 10.0 seconds."
      #expect(closed[.reason] == reason)
      #expect(try await end.failures.first.message == "The tunnel was lost: \(reason)")
    }
  }

  @Test("describes itself")
  func description() {
    let error = TunnelError(code: .peerFault, message: "It sent nonsense.")
    let texts: [(TunnelClosure, String)] = [
      (TunnelClosure(side: .local), "closed by this end"),
      (TunnelClosure(side: .remote), "closed by the peer"),
      (TunnelClosure(side: .local, error: error), "closed by this end: It sent nonsense."),
      (TunnelClosure(side: .local, reason: "it is old"), "closed by this end: it is old"),
    ]
    for (closure, text) in texts {
      #expect(closure.description == text)
    }
  }
}
