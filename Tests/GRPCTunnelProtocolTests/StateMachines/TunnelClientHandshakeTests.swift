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

@Suite("Tunnel client: handshake (PROTOCOL.md 3)")
struct TunnelClientHandshakeTests {
  private func client(
    _ configuration: TunnelConfiguration = TunnelConfiguration()
  ) -> TunnelClientStateMachine {
    TunnelClientStateMachine(configuration: configuration, offered: .extended)
  }

  private func awaitingSettings(
    _ configuration: TunnelConfiguration = TunnelConfiguration()
  ) -> TunnelClientStateMachine {
    var client = self.client(configuration)
    client.startConnecting(now: .zero)
    client.carrierOpened(peer: .extended)
    return client
  }

  private func settings(
    _ revisions: [ProtocolRevision],
    window: UInt32 = 65_536,
    limit: UInt32 = 0
  ) -> ServerFrame {
    ServerFrame(
      .tunnel,
      .settings(
        Settings(
          supportedProtocolRevisions: revisions,
          initialWindowSize: window,
          maxConcurrentStreams: limit
        )
      )
    )
  }

  @Test("Nothing is sent, and nobody gets a place, before settings have arrived")
  func silence() {
    var client = self.client()
    #expect(client.reserveStream().isWait)
    client.startConnecting(now: .zero)
    #expect(client.reserveStream().isWait)
    client.carrierOpened(peer: .negotiating)
    #expect(client.reserveStream().isWait)
    #expect(!client.hasFrames)
    #expect(!client.isReady)
    #expect(client.receive(self.settings([.one])).isTunnel)
    #expect(client.isReady)
    #expect(client.reserveStream().isReserved)
  }

  @Test("Without negotiation the tunnel opens at revision zero at once")
  func silentPeer() {
    var client = self.client()
    client.startConnecting(now: .zero)
    client.carrierOpened(peer: .silent)
    #expect(client.revision == .zero)
    #expect(client.extensions.isEmpty)
    #expect(client.reserveStream().isReserved)
  }

  @Test(
    "The highest revision that both know is picked",
    arguments: [
      ([.zero, .one], .one, .one), ([.one, .zero], .one, .one), ([.zero], .one, .zero),
      ([.one], .one, .one), ([ProtocolRevision(rawValue: 2), .one, .zero], .one, .one),
      ([.zero, .one], .zero, .zero), ([.one, .one], .one, .one),
    ] as [([ProtocolRevision], ProtocolRevision, ProtocolRevision)]
  )
  func revision(theirs: [ProtocolRevision], own: ProtocolRevision, picked: ProtocolRevision) {
    var client = self.awaitingSettings(TunnelConfiguration { $0.maximumRevision = own })
    #expect(client.receive(self.settings(theirs)).isTunnel)
    #expect(client.revision == picked)
  }

  @Test(
    "No common revision ends the tunnel, naming both sets",
    arguments: [
      ([], .one, "[]"), ([ProtocolRevision(rawValue: 2)], .one, "[2]"),
      ([ProtocolRevision(rawValue: -1), ProtocolRevision(rawValue: 9)], .one, "[-1, 9]"),
      ([.one], .zero, "[1]"),
    ] as [([ProtocolRevision], ProtocolRevision, String)]
  )
  func noCommonRevision(theirs: [ProtocolRevision], own: ProtocolRevision, list: String) throws {
    var client = self.awaitingSettings(TunnelConfiguration { $0.maximumRevision = own })
    let error = try #require(client.receive(self.settings(theirs)).fault)
    #expect(error.message.contains(list))
    #expect(error.message.contains(own == .one ? "[0, 1]" : "[0]"))
    #expect(client.closure?.initiator == .local)
    #expect(client.reserveStream().errorCode == .unavailable)
  }

  @Test("A list of many revisions is not repeated in full")
  func longList() throws {
    var client = self.awaitingSettings()
    let many = (100 ..< 100_000).map { ProtocolRevision(rawValue: $0) }
    let error = try #require(client.receive(self.settings(many)).fault)
    #expect(error.message.utf8.count < 300)
  }

  @Test(
    "A first frame that is not settings of the tunnel ends it",
    arguments: [
      ServerFrame(0, .settings(Settings(supportedProtocolRevisions: [.one]))),
      ServerFrame(-2, .settings(Settings(supportedProtocolRevisions: [.one]))),
      ServerFrame(1, .settings(Settings(supportedProtocolRevisions: [.one]))),
      ServerFrame(.tunnel, .drain(Drain())), ServerFrame(.tunnel, nil),
      ServerFrame(.tunnel, .windowUpdate(1)), ServerFrame(1, .closeStream(.ok)),
      ServerFrame(-7, nil),
    ]
  )
  func notSettings(frame: ServerFrame) {
    var client = self.awaitingSettings()
    #expect(client.receive(frame).fault?.code == .internalError)
    #expect(client.closure != nil)
  }

  @Test("A frame before the carrier's headers ends the tunnel")
  func early() {
    var client = self.client()
    client.startConnecting(now: .zero)
    #expect(client.receive(self.settings([.one])).fault?.code == .internalError)
  }

  @Test(
    "A window above 2^31-1 ends the tunnel at revision one; revision zero knows no windows",
    arguments: [
      (2_147_483_647, [.zero, .one], true), (2_147_483_648, [.zero, .one], false),
      (.max, [.one], false), (.max, [.zero], true), (0, [.one], true),
    ] as [(UInt32, [ProtocolRevision], Bool)]
  )
  func window(size: UInt32, revisions: [ProtocolRevision], isTaken: Bool) {
    var client = self.awaitingSettings()
    let result = client.receive(self.settings(revisions, window: size))
    #expect(result.isTunnel == isTaken)
    #expect((result.fault?.code == .internalError) == !isTaken)
  }

  @Test("Settings that come again are ignored")
  func duplicate() {
    var client = self.awaitingSettings()
    #expect(client.receive(self.settings([.one])).isTunnel)
    #expect(client.receive(self.settings([.zero])).isIgnored)
    #expect(client.revision == .one)
  }

  @Test("Settings that were not negotiated are ignored")
  func unexpected() {
    var client = TunnelClientStateMachine.opened(.silent)
    #expect(client.receive(self.settings([.one])).isIgnored)
    #expect(client.revision == .zero)
  }

  @Test("Headers that come again change nothing")
  func duplicateHeaders() {
    var client = self.awaitingSettings()
    client.carrierOpened(peer: .silent)
    #expect(client.receive(self.settings([.one])).isTunnel)
    #expect(client.revision == .one)
    client.carrierOpened(peer: .silent)
    #expect(client.revision == .one)
    #expect(client.extensions == CarrierHeaders.extended.extensions)
  }

  @Test("The stream limit counts where it was negotiated", arguments: [true, false])
  func streamLimit(isNegotiated: Bool) {
    var client = self.client()
    client.startConnecting(now: .zero)
    client.carrierOpened(peer: isNegotiated ? .extended : .negotiating)
    _ = client.receive(self.settings([.one], limit: 1))
    #expect(client.reserveStream().isReserved)
    #expect(client.reserveStream().isWait == isNegotiated)
  }

  @Test(
    "A limit of 0 is none, and any other is taken, however large",
    arguments: [0, UInt32.max]
  )
  func noLimit(limit: UInt32) {
    var client = self.awaitingSettings()
    _ = client.receive(self.settings([.one], limit: limit))
    for _ in 0 ..< 1000 {
      #expect(client.reserveStream().isReserved)
    }
    #expect(client.reserveStream().isWait, "This end's own limit")
  }

  @Test("Headers and settings together may take as long as the handshake timeout")
  func timeout() {
    var client = self.client(TunnelConfiguration { $0.handshakeTimeout = .seconds(10) })
    #expect(client.nextTimer == nil)
    client.startConnecting(now: .seconds(100))
    #expect(client.nextTimer == .seconds(110))
    client.carrierOpened(peer: .negotiating)
    #expect(client.nextTimer == .seconds(110))
    #expect(client.expireTimers(now: .seconds(109)).streams == [])
    #expect(client.expireTimers(now: .seconds(110)).isClosed)
    #expect(client.closure?.error?.code == .unavailable)
    #expect(client.nextTimer == nil)
    #expect(client.reserveStream().errorCode == .unavailable)
  }

  @Test("An open tunnel has no handshake timeout")
  func noTimeout() {
    var client = TunnelClientStateMachine.opened()
    #expect(client.nextTimer == nil)
    #expect(client.expireTimers(now: .seconds(1000)).streams == [])
  }
}
