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

@Suite("Agents of one key that drain one after the other", .timeLimit(.minutes(5)))
struct DrainingAgentsTests {
  @Test("lose no RPC, and run none twice", arguments: RPCKind.allCases)
  func underLoad(kind: RPCKind) async throws {
    let agentCount = 6
    let callerCount = 10
    let callsPerDrain = 20
    try await AgentNetwork.run { network in
      let drains = (0 ..< agentCount).map { _ in OneShotEvent() }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, drain) in drains.enumerated() {
          group.addTask {
            try await network.withAgent(key: "shop", name: "agent \(number)") {
              try await drain.wait()
            }
          }
        }
        var events = network.agents.events.makeAsyncIterator()
        while network.agents.tunnels.count < agentCount { _ = await events.next() }

        let calls = LockedValue(0)
        let callCount = callsPerDrain * agentCount
        let transport = network.agents.transport(forKey: "shop")
        try await withGRPCClient(transport: transport) { client in
          try await withThrowingTaskGroup(of: Void.self) { callers in
            for _ in 0 ..< callerCount {
              callers.addTask {
                while true {
                  let number = calls.withLock { calls in
                    calls += 1
                    return calls
                  }
                  guard number <= callCount else { return }
                  // All but the first go, each while it and the others are at work.
                  if number.isMultiple(of: callsPerDrain), number < callCount {
                    drains[number / callsPerDrain].fire()
                  }
                  let reply = try await client.call(
                    ControlCall(kind, [.echo], messages: [[UInt8](pattern: 100)])
                  )
                  #expect(reply.error == nil)
                  #expect(reply.messages == [[UInt8](pattern: 100)])
                }
              }
            }
            try await callers.waitForAll()
          }
        }
        let served = (0 ..< agentCount).reduce(0) { $0 + network.count(of: "agent \($1)") }
        #expect(served == callCount, "Every RPC ran exactly once")
        drains[0].fire()
        try await group.waitForAll()
      }
    }
  }
}
