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

@Suite("The transport of a pool of reverse tunnels")
struct ReverseTunnelClientTransportTests {
  private let method = MethodDescriptor(fullyQualifiedService: "test.Service", method: "Method")

  private func openTunnel() -> ReverseTunnel {
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
    return ReverseTunnel(session: session)
  }

  @Test("an RPC whose tunnel goes away before it starts uses another", arguments: [false, true])
  func tunnelGoesAway(drains: Bool) async throws {
    let first = self.openTunnel()
    let second = self.openTunnel()
    let transport = ReverseTunnelClientTransport(
      name: "test",
      clock: .continuous,
      pick: { _ in
        guard first.isUsable else { return second }
        if drains {
          first.session.beginDrain()
        } else {
          first.session.close(TunnelEnd(initiator: .remote, error: nil))
        }
        return first
      },
      waitUntilReady: nil
    )
    let peer = try await transport.withStream(descriptor: self.method, options: .defaults) {
      $1.remotePeer
    }
    #expect(peer.hasPrefix("\(second.id)"))
  }

  @Test("an RPC that waits for a tunnel fails when the transport shuts down")
  func shutdown() async throws {
    let waits = OneShotEvent()
    let transport = ReverseTunnelClientTransport(
      name: "test",
      clock: .continuous,
      pick: { _ in nil },
      waitUntilReady: {
        waits.fire()
        try await OneShotEvent().wait()
      }
    )
    var options = CallOptions.defaults
    options.waitForReady = true
    let waiting = options
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await transport.connect() }
      group.addTask {
        let error = await #expect(throws: RPCError.self) {
          try await transport.withStream(descriptor: self.method, options: waiting) { _, _ in }
        }
        #expect(error?.code == .failedPrecondition)
      }
      try await waits.wait()
      transport.beginGracefulShutdown()
      try await group.waitForAll()
    }
  }
}
