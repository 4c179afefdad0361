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
internal import GRPCTunnel
internal import Testing

@testable internal import GRPCTunnelAdmin

@Suite("Tunnels in a terminal")
struct TerminalTests {
  private static let start = FakeSource.start

  private func tunnel(_ id: String, key: String) -> TunnelReport {
    var tunnel = FakeSource.tunnel(id)
    tunnel.key = key
    tunnel.openRPCs = 2
    tunnel.rpcs = .init(started: 14, finished: ["OK": 9, "NOT_FOUND": 3])
    tunnel.sent = .init(messages: 12, bytes: 1023)
    tunnel.received = .init(messages: 30, bytes: 5 * 1024 * 1024 + 300_000)
    tunnel.roundTripSeconds = 0.0231
    return tunnel
  }

  private func closed(_ id: String, failed: Bool) -> TunnelReport {
    var tunnel = self.tunnel(id, key: "shop-1")
    tunnel.state = nil
    tunnel.openRPCs = nil
    tunnel.closedAt = Self.start + 3720
    tunnel.closedBy = failed ? .remote : .local
    tunnel.failed = failed
    tunnel.code = failed ? "UNAVAILABLE" : nil
    tunnel.reason = failed ? "the connection was lost" : nil
    return tunnel
  }

  private func overview(_ tunnels: [TunnelReport], closed: [TunnelReport] = []) async -> Overview {
    var overview = await FakeSource().overview()
    overview.now = Self.start + 7260
    overview.tunnels = tunnels
    overview.closed = closed
    return overview
  }

  @Test("columns are aligned, and keys ordered as people count")
  func table() async {
    let overview = await self.overview([
      self.tunnel("tunnel-3", key: "shop-10"), self.tunnel("tunnel-12", key: "shop-9"),
    ])
    #expect(
      overview.table(isColoured: false) == """
        KEY      TUNNEL     STATE        AGE  OPEN  RPCS  FAILED    SENT  RECEIVED  ROUND TRIP  PEER
        shop-9   tunnel-12  ready  2 h 1 min     2    12       3  1023 B  5.29 MiB     23.1 ms  ipv4:127.0.0.1:1
        shop-10  tunnel-3   ready  2 h 1 min     2    12       3  1023 B  5.29 MiB     23.1 ms  ipv4:127.0.0.1:1

        """
    )
  }

  @Test("those that have closed, with who closed them and why")
  func closedTable() async {
    let overview = await self.overview(
      [],
      closed: [
        self.closed("tunnel-2", failed: true), self.closed("tunnel-1", failed: false),
      ]
    )
    #expect(
      overview.closedTable(isColoured: false) == """
        KEY     TUNNEL    CLOSED                 WAS OPEN  RPCS  BY               WHY
        shop-1  tunnel-2  2027-01-15T09:02:00Z  1 h 2 min    12  peer or network  the connection was lost (UNAVAILABLE)
        shop-1  tunnel-1  2027-01-15T09:02:00Z  1 h 2 min    12  this end

        """
    )
  }

  @Test("colours are for terminals, and do not disturb the columns")
  func colours() async {
    let overview = await self.overview([self.tunnel("tunnel-1", key: "shop")])
    let text = overview.table(isColoured: true)
    #expect(text.contains("\u{1b}[32mready\u{1b}[0m"))
    #expect(text.contains("\u{1b}[31m3\u{1b}[0m"))
    let plain = text.replacing(/\u{1b}\[\d+m/, with: "")
    #expect(plain == overview.table(isColoured: false))
  }

  @Test("what a peer sends does not steer the terminal")
  func hostile() async {
    var tunnel = self.tunnel("tunnel-1", key: "a\u{1b}[2Jb\nc\u{202e}d")
    #expect(await self.overview([tunnel]).table(isColoured: false).contains("a [2Jb c d"))
    tunnel.reason = "x\u{7}y"
    #expect(tunnel.description(now: Self.start, isColoured: false).contains("x y"))
  }

  @Test("everything about one tunnel")
  func description() {
    var tunnel = self.tunnel("tunnel-7", key: "shop")
    tunnel.identity = "token:shop"
    tunnel.drainingSince = Self.start + 60
    tunnel.drainingSide = .remote
    let text = tunnel.description(now: Self.start + 90, isColoured: false)
    for line in [
      "key            shop", "identity       token:shop",
      "opened         2027-01-15T08:00:00Z, for 1 min",
      "draining       2027-01-15T08:01:00Z, by the other end",
      "ended RPCs     9 OK, 3 NOT_FOUND", "sent           12 messages, 1023 B",
      "round trip     23.1 ms",
    ] {
      #expect(text.contains("\(line)\n"), "\(line)")
    }
  }

  @Test(
    "times and sizes are short",
    arguments: [
      (0.0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"),
      (90_061, "1 d 1 h"), (-5, "0 s"),
    ]
  )
  func ages(seconds: Double, text: String) {
    #expect(TerminalText.age(seconds) == text)
  }

  @Test(
    "sizes have three digits",
    arguments: [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (10_240, "10.0 KiB"),
      (1_048_000, "1023 KiB"), (1_048_576, "1.00 MiB"), (UInt64.max, "16777216 TiB"),
    ] as [(UInt64, String)]
  )
  func sizes(bytes: UInt64, text: String) {
    #expect(TerminalText.size(bytes) == text)
  }

  @Test("each event is a line, once")
  func watch() async {
    var watch = TunnelWatch(isColoured: false)
    let overview = await self.overview([self.tunnel("tunnel-1", key: "shop-1")])
    let first = watch.lines(for: .overview(overview))
    #expect(first == ["2027-01-15T10:01:00Z ready    shop-1 tunnel-1 ipv4:127.0.0.1:1"])
    #expect(watch.lines(for: .overview(overview)).isEmpty)
    var tunnel = self.tunnel("tunnel-1", key: "shop-1")
    tunnel.openRPCs = 9
    let changes = { (tunnels: [TunnelReport], closed: [TunnelReport]) in
      OverviewChanges(
        now: Self.start,
        state: .ready,
        tunnels: tunnels,
        gone: closed.map(\.id),
        closed: closed
      )
    }
    // What goes through it is no event.
    #expect(watch.lines(for: .changes(changes([tunnel], []))).isEmpty)
    tunnel.state = "draining"
    #expect(
      watch.lines(for: .changes(changes([tunnel], [])))
        == ["2027-01-15T08:00:00Z draining shop-1 tunnel-1 ipv4:127.0.0.1:1"]
    )
    #expect(
      watch.lines(for: .changes(changes([], [self.closed("tunnel-1", failed: true)]))) == [
        "2027-01-15T09:02:00Z failed   shop-1 tunnel-1 by peer or network: "
          + "the connection was lost (UNAVAILABLE)"
      ]
    )
  }
}
