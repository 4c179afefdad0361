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

internal import Foundation
internal import GRPCCore
internal import GRPCTunnelAdmin
internal import Testing

@testable internal import GRPCTunnel
@testable internal import GRPCTunnelRouter

@Suite("What is remembered of tunnels")
struct TunnelHistoryTests {
  private static let start = Date(timeIntervalSince1970: 1_800_000_000)

  private func tunnel() -> TunnelInformation {
    TunnelInformation(
      id: .next(),
      direction: .reverse,
      metadata: [:],
      remotePeer: "ipv4:127.0.0.1:1",
      localPeer: "",
      transportSpecific: nil,
      revision: 1,
      extensions: []
    )
  }

  @Test("a tunnel that is open, and when its drain began")
  func open() {
    var history = TunnelHistory()
    let tunnel = self.tunnel()
    history.opened(tunnel, key: "shop", identity: "token:shop", at: Self.start)
    // Heard of again: the first time counts.
    history.opened(tunnel, key: "shop", identity: nil, at: Self.start + 5)
    history.draining(tunnel.id, side: .remote, at: Self.start + 9)
    let report = history[tunnel.id]
    #expect(report?.since == Self.start)
    #expect(report?.identity == "token:shop")
    #expect(report?.drainingSince == Self.start + 9)
    #expect(report?.drainingSide == .remote)
  }

  @Test("a tunnel that has closed, with who closed it and why")
  func closed() {
    var history = TunnelHistory()
    let tunnel = self.tunnel()
    history.opened(tunnel, key: "shop", identity: nil, at: Self.start)
    let cause = RPCError(code: .resourceExhausted, message: "too many")
    let error = TunnelError(code: .closedByPeer, message: "too many", cause: cause)
    history.closed(tunnel.id, TunnelClosure(side: .remote, error: error), at: Self.start + 3)
    #expect(history[tunnel.id] == nil)
    let report = history.closed(now: Self.start + 4).first
    #expect(report?.id == "\(tunnel.id)")
    #expect(report?.closedAt == Self.start + 3)
    #expect(report?.closedBy == .remote)
    #expect(report?.failed == true)
    #expect(report?.code == "RESOURCE_EXHAUSTED")
    #expect(report?.reason == "too many")
    #expect(report?.state == nil)
  }

  @Test("the newest come first, and after an hour they are forgotten")
  func retention() {
    var history = TunnelHistory()
    for second in [0.0, 10, 20] {
      let tunnel = self.tunnel()
      history.opened(tunnel, key: "\(second)", identity: nil, at: Self.start)
      history.closed(tunnel.id, TunnelClosure(side: .local), at: Self.start + second)
    }
    #expect(history.closed(now: Self.start + 3600).map(\.key) == ["20.0", "10.0", "0.0"])
    #expect(history.closed(now: Self.start + 3611).map(\.key) == ["20.0"])
  }

  @Test("so many are remembered, and no more")
  func bounded() {
    var history = TunnelHistory()
    for number in 0 ... TunnelHistory.maximumClosedCount {
      let tunnel = self.tunnel()
      history.opened(tunnel, key: "\(number)", identity: nil, at: Self.start)
      history.closed(tunnel.id, TunnelClosure(side: .local), at: Self.start)
    }
    let closed = history.closed(now: Self.start)
    #expect(closed.count == TunnelHistory.maximumClosedCount)
    #expect(closed.last?.key == "1")
  }

  @Test("a reason is not longer than people read")
  func longReason() {
    var history = TunnelHistory()
    let tunnel = self.tunnel()
    history.opened(tunnel, key: "shop", identity: nil, at: Self.start)
    let reason = String(repeating: "x", count: 100_000)
    history.closed(tunnel.id, TunnelClosure(side: .remote, reason: reason), at: Self.start)
    #expect(history.closed(now: Self.start).first?.reason?.count == 512)
  }

  @Test("those whose end was missed do not stay for ever")
  func missed() {
    var history = TunnelHistory()
    let tunnels = [self.tunnel(), self.tunnel()]
    for tunnel in tunnels {
      history.opened(tunnel, key: "shop", identity: nil, at: Self.start)
    }
    history.missed(stillOpen: [tunnels[1].id])
    #expect(history[tunnels[0].id] == nil)
    #expect(history[tunnels[1].id] != nil)
  }
}
