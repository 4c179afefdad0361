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
internal import GRPCTunnelTestSupport
internal import Testing

@Suite("Agents of one key that drain one after the other", .timeLimit(.minutes(1)))
struct DrainingAgentsTests {
  @Test("lose no RPC, and run none twice", arguments: RPCKind.allCases)
  func underLoad(kind: RPCKind) async throws {
    let agentCount = 8
    try await AgentNetwork.run { network in
      let calls = Counter()
      try await withThrowingTaskGroup(of: Void.self) { group in
        var drains: [OneShotEvent] = []
        for number in 0 ..< agentCount {
          let drain = OneShotEvent()
          drains.append(drain)
          group.addTask {
            try await network.withAgent(key: "shop", name: "agent \(number)") {
              try await drain.wait()
            }
          }
        }
        var events = network.agents.events.makeAsyncIterator()
        while network.agents.tunnels.count < agentCount { _ = await events.next() }

        let isOver = LockedValue(false)
        let transport = network.agents.transport(forKey: "shop")
        try await withGRPCClient(transport: transport) { client in
          try await withThrowingTaskGroup(of: Void.self) { callers in
            for _ in 0 ..< 20 {
              callers.addTask {
                while !isOver.withLock({ $0 }) {
                  let reply = try await client.call(
                    ControlCall(kind, [.echo], messages: [[UInt8](pattern: 100)])
                  )
                  calls.increment()
                  #expect(reply.error == nil)
                  #expect(reply.messages == [[UInt8](pattern: 100)])
                }
              }
            }
            // All but one go, each while the others and itself are at work.
            for (number, drain) in drains.enumerated().dropFirst() {
              let target = calls.value + 20
              while calls.value < target { await Task.yield() }
              drain.fire()
              while network.agents.tunnels.count > agentCount - number { _ = await events.next() }
            }
            isOver.withLock { $0 = true }
            try await callers.waitForAll()
          }
        }
        let served = (0 ..< agentCount).reduce(0) { $0 + network.count(of: "agent \($1)") }
        #expect(served == calls.value, "Every RPC ran exactly once")
        drains[0].fire()
        try await group.waitForAll()
      }
    }
  }
}
