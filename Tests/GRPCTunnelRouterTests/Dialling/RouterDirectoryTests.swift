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

internal import GRPCTunnel
internal import GRPCTunnelTestSupport
internal import Logging
internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("RouterDirectory", .timeLimit(.minutes(5)))
struct RouterDirectoryTests {
  private struct Unknown: Error {}

  private static func endpoint(_ host: String, name: String? = nil) -> RouterEndpoint {
    RouterEndpoint(address: NetworkAddress(host: host, port: 7), name: name)
  }

  @Test(
    "routers as they are written",
    arguments: [("h:7", false), ("dns:h:7", true), ("dns:[::1]:7", true)]
  )
  func target(text: String, isExpanded: Bool) throws {
    let target = try RouterTarget(text)
    #expect(target.isExpanded == isExpanded)
    #expect(target.address.port == 7)
    #expect(target.description == text)
  }

  @Test("what is no router", arguments: ["dns:", "dns:h", "h", "dns:h:0", "dns:dns:h:1"])
  func malformed(text: String) {
    #expect(throws: SettingValueError.self) { try RouterTarget(text) }
  }

  @Test("names stand for what was found last, whatever becomes of a later look")
  func lookUps() async throws {
    let clock = ManualClock()
    let answers = LockedValue<[Set<String>?]>([["1.1.1.1", "2.2.2.2"], nil, ["2.2.2.2"]])
    let changes = LockedValue(0)
    let directory = RouterDirectory(
      [try RouterTarget("dns:routers:7"), try RouterTarget("fixed:7")],
      interval: .seconds(30),
      lookUp: { address in
        #expect(address == NetworkAddress(host: "routers", port: 7))
        guard let hosts = answers.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
          throw Unknown()
        }
        return Set(hosts.map { NetworkAddress(host: $0, port: 7) })
      },
      clock: clock.clock,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) {
      changes.withLock { $0 += 1 }
    }
    #expect(directory.endpoints == [Self.endpoint("fixed")])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await directory.run() }
      let both: Set<RouterEndpoint> = [
        Self.endpoint("fixed"), Self.endpoint("1.1.1.1", name: "routers"),
        Self.endpoint("2.2.2.2", name: "routers"),
      ]
      let expected = [(both, 1), (both, 1), (both.filter { $0.address.host != "1.1.1.1" }, 2)]
      for (index, (endpoints, count)) in expected.enumerated() {
        // It has looked when it waits for the next look.
        let next = Duration.seconds(30 * (index + 1))
        try await clock.waitForSleeper(until: next)
        #expect(directory.endpoints == endpoints)
        #expect(changes.withLock { $0 } == count)
        clock.advance(by: .seconds(30))
      }
      group.cancelAll()
    }
  }

  @Test("the system knows this machine")
  func localhost() async throws {
    let addresses = try await NetworkAddress(host: "localhost", port: 7).allAddresses
    #expect(!addresses.isEmpty)
    #expect(addresses.allSatisfy { $0.isLoopback && $0.port == 7 })
  }
}
