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

@Suite("Tunnel server: new streams (PROTOCOL.md 4, 7, 10 and 11)")
struct TunnelServerAdmissionTests {
  /// What follows a new_stream, whatever became of it.
  private static let followingFrames: [ClientFrame.Payload?] = [
    .requestMessage(MessageEnvelope([1])), .moreRequestData([1]), .halfClose, .windowUpdate(.max),
    .cancel, nil,
  ]

  // MARK: - Ids

  @Test("Any first id from 0 is taken, and gaps", arguments: [[0, 1], [1, 2], [7, 100, .max]])
  func ids(ids: [Int64]) {
    var server = TunnelServerStateMachine.opened()
    for id in ids {
      #expect(server.receive(.newStream(StreamID(rawValue: id))).accepted?.id.rawValue == id)
    }
  }

  @Test(
    "An id that is negative, or not above the highest, ends the tunnel",
    arguments: [[-1], [-2], [.min], [1, 1], [5, 4], [5, 0]] as [[Int64]]
  )
  func badIDs(ids: [Int64]) throws {
    var server = TunnelServerStateMachine.opened()
    for id in ids.dropLast() {
      _ = server.receive(.newStream(StreamID(rawValue: id)))
    }
    let last = StreamID(rawValue: try #require(ids.last))
    #expect(server.receive(.newStream(last)).fault?.code == .internalError)
    #expect(server.closure?.error?.code == .internalError)
    #expect(server.outputEnd?.closure != nil)
    #expect(server.receive(.newStream(1000)).isIgnored)
  }

  @Test("An id that ended, or was refused, cannot come again")
  func reusedIDs() {
    for method in ["service/method", "malformed", TunnelServerStateMachine.probeMethod] {
      var server = TunnelServerStateMachine.opened()
      _ = server.receive(.newStream(1, method))
      server.close(1, with: .ok)
      server.release(1)
      _ = server.takeFrames()
      #expect(server.receive(.newStream(1)).fault != nil)
    }
  }

  // MARK: - Methods

  @Test(
    "A method is split at the first slash; one in front is ignored",
    arguments: [
      ("a.B/C", "a.B", "C"), ("/a.B/C", "a.B", "C"), ("a/b/c", "a", "b/c"), ("é/漢", "é", "漢"),
      ("a//", "a", "/"),
    ]
  )
  func methods(name: String, service: String, method: String) {
    var server = TunnelServerStateMachine.opened()
    let accepted = server.receive(.newStream(1, name)).accepted
    #expect(accepted?.id == 1)
    #expect(accepted?.service == service)
    #expect(accepted?.method == method)
  }

  @Test(
    "A malformed method closes the stream alone",
    arguments: ["", "/", "//", "abc", "/abc", "a/"]
  )
  func malformedMethods(name: String) {
    var server = TunnelServerStateMachine.opened(.extended)
    #expect(server.receive(.newStream(1, name)).isIgnored)
    let frames = server.takeFrames()
    #expect(frames.map(\.closeCode) == [.invalidArgument])
    #expect(frames.first?.close?.unprocessed == false)
    #expect(server.closure == nil)
  }

  // MARK: - Refusals

  @Test(
    "A revision that is not supported is refused",
    arguments: [-1, 2, .min, .max] as [Int32]
  )
  func revisions(revision: Int32) {
    var server = TunnelServerStateMachine.opened(.extended)
    let frame = ClientFrame.newStream(1, revision: ProtocolRevision(rawValue: revision))
    #expect(server.receive(frame).isIgnored)
    let frames = server.takeFrames()
    #expect(frames.map(\.closeCode) == [.unavailable])
    #expect(frames.first?.close?.unprocessed == true)
  }

  @Test(
    "A window above 2^31-1 ends the stream at revision one; revision zero knows no windows",
    arguments: [
      (2_147_483_647, .one, true), (2_147_483_648, .one, false), (.max, .one, false),
      (.max, .zero, true), (0, .one, true),
    ] as [(UInt32, ProtocolRevision, Bool)]
  )
  func windows(window: UInt32, revision: ProtocolRevision, isTaken: Bool) {
    var server = TunnelServerStateMachine.opened()
    let result = server.receive(.newStream(1, revision: revision, window: window))
    #expect((result.accepted != nil) == isTaken)
    #expect(server.takeFrames().map(\.closeCode) == (isTaken ? [] : [.invalidArgument]))
    #expect(server.closure == nil)
  }

  @Test("Headers above the limit are refused, empty ones and the method's name counted")
  func metadataLimit() {
    var server = TunnelServerStateMachine.opened { $0.maximumMetadataSize = 100 }
    let long = String(repeating: "x", count: 101)
    let refused: [ClientFrame] = [
      .newStream(1, "s/m", headers: ["k": [long]]),
      .newStream(2, "s/m", headers: ["": ["", "", "", ""]]), .newStream(3, "s/" + long),
    ]
    for frame in refused {
      #expect(server.receive(frame).isIgnored)
      #expect(server.takeFrames().map(\.closeCode) == [.resourceExhausted])
    }
    #expect(server.receive(.newStream(4, "s/m", headers: ["k": ["v"]])).accepted != nil)
  }

  @Test(
    "Streams above the limit are refused, as not processed where that is negotiated",
    arguments: [true, false]
  )
  func streamLimit(isExtended: Bool) {
    var server = TunnelServerStateMachine.opened(isExtended ? .extended : .negotiating) {
      $0.maximumConcurrentStreams = 2
    }
    #expect(server.receive(.newStream(1)).accepted != nil)
    #expect(server.receive(.newStream(2)).accepted != nil)
    #expect(server.receive(.newStream(3)).isIgnored)
    let frames = server.takeFrames()
    #expect(frames.map(\.closeCode) == [.unavailable])
    #expect(frames.first?.close?.unprocessed == isExtended)
    #expect(server.activeStreamCount == 2)
  }

  @Test("A stream that was closed makes room before its handler has returned")
  func roomBehindClose() {
    var server = TunnelServerStateMachine.opened { $0.maximumConcurrentStreams = 1 }
    #expect(server.receive(.newStream(1)).accepted != nil)
    server.close(1, with: .ok)
    #expect(server.receive(.newStream(2)).isIgnored, "The close has not left")
    _ = server.takeFrames()
    #expect(server.receive(.newStream(3)).accepted != nil)
  }

  @Test("A stream that the client cancelled makes room, but not for ever more handlers")
  func roomBehindCancel() {
    var server = TunnelServerStateMachine.opened { $0.maximumConcurrentStreams = 3 }
    var accepted: [StreamID] = []
    for id in 1 ... 100 as ClosedRange<Int64> {
      if let stream = server.receive(.newStream(StreamID(rawValue: id))).accepted {
        accepted.append(stream.id)
      }
      _ = server.receive(ClientFrame(StreamID(rawValue: id), .cancel))
    }
    #expect(accepted == [1, 2, 3, 4, 5, 6])
    for id in accepted { server.release(id) }
    #expect(server.activeStreamCount == 0)
    #expect(server.receive(.newStream(101)).accepted != nil)
  }

  @Test("No limit on streams is too large to compute with")
  func largestLimit() {
    var server = TunnelServerStateMachine.opened { $0.maximumConcurrentStreams = .max }
    #expect(server.receive(.newStream(1)).accepted != nil)
  }

  @Test(
    "Frames that follow for a refused stream are ignored, and the tunnel lives on",
    arguments: ["draining", "revision", "window", "method", "metadata", "limit", "probe"],
    Self.followingFrames
  )
  func followingFramesOfRefused(reason: String, payload: ClientFrame.Payload?) {
    var server = TunnelServerStateMachine.opened {
      $0.maximumConcurrentStreams = reason == "limit" ? 1 : 10
      $0.maximumMetadataSize = 100
    }
    _ = server.receive(.newStream(1))
    switch reason {
    case "draining":
      server.beginDrain(now: .zero)
      _ = server.receive(.newStream(2))
    case "revision": _ = server.receive(.newStream(2, revision: ProtocolRevision(rawValue: 9)))
    case "window": _ = server.receive(.newStream(2, window: .max))
    case "method": _ = server.receive(.newStream(2, "malformed"))
    case "metadata":
      _ = server.receive(.newStream(2, headers: ["k": [String(repeating: "x", count: 100)]]))
    case "limit": _ = server.receive(.newStream(2))
    default: _ = server.receive(.newStream(2, TunnelServerStateMachine.probeMethod))
    }
    #expect(server.takeFrames().map(\.streamID) == [2])
    #expect(server.receive(ClientFrame(2, payload)).isIgnored)
    #expect(!server.hasFrames)
    #expect(server.closure == nil)
    #expect(server.activeStreamCount == 1)
    #expect(server.receive(.newStream(3)).fault == nil)
  }

  // MARK: - Probes

  @Test(
    "Probes are answered before limits, revisions, windows and routing, also when draining",
    arguments: ["", "/"],
    [true, false]
  )
  func probes(prefix: String, isDraining: Bool) {
    var server = TunnelServerStateMachine.opened(.extended) { $0.maximumConcurrentStreams = 1 }
    _ = server.receive(.newStream(1))
    if isDraining { server.beginDrain(now: .zero) }
    _ = server.takeFrames()
    let probe = ClientFrame.newStream(
      2,
      prefix + "grpctunnel.v1.Liveness/Probe",
      revision: ProtocolRevision(rawValue: 9),
      window: .max
    )
    #expect(server.receive(probe).isIgnored)
    #expect(server.takeFrames() == [ServerFrame(2, .closeStream(.ok))])
    #expect(server.activeStreamCount == 1)
  }

  @Test("A probe with a bad id ends the tunnel as any stream would")
  func probeWithBadID() {
    var server = TunnelServerStateMachine.opened()
    #expect(server.receive(.newStream(-1, TunnelServerStateMachine.probeMethod)).fault != nil)
  }

  @Test("A peer that makes this end queue too many answers is not read until they have left")
  func controlFrames() {
    var server = TunnelServerStateMachine.opened { $0.maximumQueuedControlFrames = 100 }
    var id: Int64 = 0
    while !server.isInboundPaused, id < 1000 {
      id += 1
      _ = server.receive(.newStream(StreamID(rawValue: id), "malformed"))
    }
    #expect(id == 101)
    var frames: [ServerFrame] = []
    _ = server.takeFrames(into: &frames, maximumByteCount: 1)
    #expect(!server.isInboundPaused)
  }
}
