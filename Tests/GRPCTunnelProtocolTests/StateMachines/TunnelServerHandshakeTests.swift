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

@Suite("Tunnel server: handshake (PROTOCOL.md 3)")
struct TunnelServerHandshakeTests {
  private func server(
    offered: CarrierHeaders = .extended,
    configure: (inout TunnelConfiguration) -> Void = { _ in }
  ) -> TunnelServerStateMachine {
    TunnelServerStateMachine(
      configuration: TunnelConfiguration(configure: configure),
      offered: offered
    )
  }

  @Test("Settings are the first frame of a negotiated tunnel")
  func settings() {
    var server = self.server { $0.initialWindowSize = 70_000 }
    #expect(!server.hasFrames)
    server.carrierOpened(peer: .negotiating)
    let settings = Settings(
      supportedProtocolRevisions: [.zero, .one],
      initialWindowSize: 70_000,
      maxConcurrentStreams: 0
    )
    #expect(server.takeFrames() == [ServerFrame(.tunnel, .settings(settings))])
    server.carrierOpened(peer: .negotiating)
    #expect(!server.hasFrames)
  }

  @Test("Only revisions that are taken are offered")
  func revisionZeroOnly() {
    var server = self.server { $0.maximumRevision = .zero }
    server.carrierOpened(peer: .negotiating)
    guard case .settings(let settings) = server.takeFrames().first?.payload else {
      Issue.record("No settings")
      return
    }
    #expect(settings.supportedProtocolRevisions == [.zero])
    #expect(server.receive(.newStream(1, revision: .one)).isIgnored)
    #expect(server.takeFrames().first?.closeCode == .unavailable)
    #expect(server.receive(.newStream(2, revision: .zero)).accepted != nil)
  }

  @Test(
    "Without negotiation there are no settings, and revision zero alone",
    arguments: [(CarrierHeaders.silent, .extended), (.extended, .silent), (.silent, .silent)]
      as [(CarrierHeaders, CarrierHeaders)]
  )
  func silent(own: CarrierHeaders, peer: CarrierHeaders) {
    var server = self.server(offered: own)
    server.carrierOpened(peer: peer)
    #expect(!server.hasFrames)
    #expect(server.extensions.isEmpty)
    #expect(server.receive(.newStream(1, revision: .zero)).accepted != nil)
    #expect(server.receive(.newStream(2, revision: .one)).isIgnored)
    #expect(server.takeFrames().first?.closeCode == .unavailable)
  }

  @Test(
    "The stream limit is announced where it was negotiated",
    arguments: [(CarrierHeaders.extended, 7), (.negotiating, 0)] as [(CarrierHeaders, UInt32)]
  )
  func streamLimit(peer: CarrierHeaders, announced: UInt32) {
    var server = self.server { $0.maximumConcurrentStreams = 7 }
    server.carrierOpened(peer: peer)
    guard case .settings(let settings) = server.takeFrames().first?.payload else {
      Issue.record("No settings")
      return
    }
    #expect(settings.maxConcurrentStreams == announced)
  }

  @Test("A frame before the carrier's headers ends the tunnel")
  func early() {
    var server = self.server()
    server.startConnecting(now: .zero)
    #expect(server.receive(.newStream(1)).fault?.code == .internalError)
    #expect(server.closure?.initiator == .local)
  }

  @Test("The peer's headers may take as long as the handshake timeout")
  func timeout() {
    var server = self.server { $0.handshakeTimeout = .seconds(10) }
    #expect(server.nextTimer == nil)
    server.startConnecting(now: .seconds(5))
    #expect(server.nextTimer == .seconds(15))
    #expect(server.expireTimers(now: .seconds(14)).streams == [])
    #expect(server.expireTimers(now: .seconds(15)).isClosed)
    #expect(server.closure?.error?.code == .unavailable)
  }

  @Test("An open tunnel has no handshake timeout")
  func noTimeout() {
    var server = self.server()
    server.startConnecting(now: .zero)
    server.carrierOpened(peer: .negotiating)
    #expect(server.nextTimer == nil)
    #expect(server.expireTimers(now: .seconds(100)).streams == [])
  }
}
