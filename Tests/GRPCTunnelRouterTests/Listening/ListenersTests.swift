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
internal import GRPCNIOTransportHTTP2
internal import GRPCTunnel
internal import GRPCTunnelNIO
internal import Logging
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("Listeners", .timeLimit(.minutes(5)))
struct ListenersTests {
  private struct Refused: Error {}

  /// Listens on the same address as soon as nobody else does.
  private static func listen(on address: NetworkAddress) async throws {
    let address = try await address.socketAddress()
    while (try? ListeningSocket(address)) == nil {
      await Task.yield()
    }
  }

  @Test("a router that drains does not listen any more, so that another one can")
  func draining() async throws {
    let service = RawService()
    try await withRoute(service) { route in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { _ = try? await route.call(RawService.wait) }
        var events = service.events.makeAsyncIterator()
        #expect(await events.next() == "started ")
        route.router.beginGracefulShutdown()
        try? await Self.listen(on: route.callerAddress)
        group.cancelAll()
        #expect(await events.next() == "cancelled")
      }
    }
  }

  @Test("a listener stays that cannot be replaced, and one that cannot listen is made again")
  func failedReplacement() async throws {
    let (reports, report) = AsyncStream.makeStream(of: Bool.self)
    let makings = LockedValue(0)
    let transport = ReplaceableServerTransport(
      address: NetworkAddress(host: "127.0.0.1", port: 0)
    ) { descriptor in
      let making = makings.withLock { count in
        count += 1
        return count
      }
      if making == 2 { throw Refused() }
      return .http2NIOPosix(
        listeningSocketDescriptor: descriptor,
        // The third cannot listen.
        transportSecurity: making == 3
          ? .tls(certificateChain: [], privateKey: .bytes([], format: .pem)) : .plaintext,
        config: .tunnelDefaults
      )
    } onReplacement: { error in
      report.yield(error == nil)
    }
    try await withGRPCServer(transport: transport, services: [RawService()]) { server in
      let address = try #require(try await server.listeningAddress.flatMap { NetworkAddress($0) })
      var iterator = reports.makeAsyncIterator()
      for outcomes in [[false], [false, true], [true]] {
        transport.replace()
        for isReplaced in outcomes {
          #expect(await iterator.next() == isReplaced)
        }
        try await withGRPCClient(
          transport: .http2NIOPosix(target: address.target, transportSecurity: .plaintext)
        ) { client in
          let reply = try await client.unary(
            request: ClientRequest(message: [1]),
            descriptor: RawService.echo,
            serializer: RawCoder(),
            deserializer: RawCoder(),
            options: .defaults
          ) { response in
            try response.message
          }
          #expect(reply == [1])
        }
      }
    }
  }
}
