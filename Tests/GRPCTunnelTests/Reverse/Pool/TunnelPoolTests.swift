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

internal import GRPCTunnelProtocol
internal import Testing

@testable internal import GRPCTunnel

@Suite("The order in which tunnels are chosen")
struct TunnelPoolTests {
  private let ids = (0 ..< 4).map { _ in TunnelID.next() }

  /// A pool of these tunnels, with the RPCs that each carries.
  private func pool(_ tunnels: [(TunnelPool.Suitability, load: Int)]) -> TunnelPool {
    var pool = TunnelPool()
    for (id, (suitability, load)) in zip(self.ids, tunnels) {
      pool.set(id, suitability, load: load)
    }
    return pool
  }

  @Test("round robin takes turns, whatever the tunnels carry")
  func roundRobin() {
    var pool = self.pool([(.ready, 5), (.ready, 0), (.ready, 9)])
    for round in 0 ..< 3 {
      for id in self.ids.prefix(3) {
        #expect(pool.choose(.roundRobin, excluding: []) == .usable(id))
        pool.chosen(id, load: round)
      }
    }
  }

  @Test("least outstanding takes the one that carries the fewest, and turns among equals")
  func leastOutstanding() {
    var pool = self.pool([(.ready, 2), (.ready, 0), (.ready, 0)])
    var chosen: [TunnelID] = []
    var loads = [2, 0, 0]
    for _ in 0 ..< 6 {
      guard case .usable(let id) = pool.choose(.leastOutstanding, excluding: []),
        let index = self.ids.firstIndex(of: id)
      else { break }
      chosen.append(id)
      loads[index] += 1
      pool.chosen(id, load: loads[index])
    }
    #expect(chosen == [1, 2, 1, 2, 0, 1].map { self.ids[$0] })
    pool.setLoad(of: self.ids[0], 0)
    #expect(pool.choose(.leastOutstanding, excluding: []) == .usable(self.ids[0]))
  }

  @Test(
    "a busy tunnel is not chosen when another is ready, and then to wait in",
    arguments: [ReverseTunnelPicker.roundRobin, .leastOutstanding]
  )
  func suitability(picker: ReverseTunnelPicker) {
    var pool = self.pool([(.busy, 0), (.ready, 7)])
    #expect(pool.choose(picker, excluding: []) == .usable(self.ids[1]))
    pool.set(self.ids[1], .busy, load: 7)
    #expect(pool.choose(picker, excluding: []) == .busy(self.ids[0]))
    pool.remove(self.ids[0])
    pool.remove(self.ids[1])
    #expect(pool.choose(picker, excluding: []) == .none)
    #expect(pool.isEmpty)
  }

  @Test(
    "tunnels that are excluded are not chosen",
    arguments: [ReverseTunnelPicker.roundRobin, .leastOutstanding]
  )
  func excluding(picker: ReverseTunnelPicker) {
    let pool = self.pool([(.ready, 0), (.ready, 1), (.busy, 0)])
    #expect(pool.choose(picker, excluding: [self.ids[0]]) == .usable(self.ids[1]))
    #expect(pool.choose(picker, excluding: Set(self.ids.prefix(2))) == .busy(self.ids[2]))
    #expect(pool.choose(picker, excluding: Set(self.ids.prefix(3))) == .none)
  }

  @Test("a tunnel that was full for a while keeps its turn")
  func turnIsKept() {
    var pool = self.pool([(.ready, 0), (.ready, 0)])
    pool.chosen(self.ids[0], load: 1)
    pool.set(self.ids[0], .busy, load: 1)
    pool.chosen(self.ids[1], load: 1)
    pool.set(self.ids[0], .ready, load: 0)
    #expect(pool.choose(.roundRobin, excluding: []) == .usable(self.ids[0]))
  }

  @Test("readiness says whether a tunnel belongs in a pool")
  func readiness() {
    let table: [(TunnelReadiness, TunnelPool.Suitability?)] = [
      (.opening, nil),
      (.ready, .ready),
      (.silent, .busy),
      (.full, .busy),
      (.suspended, .busy),
      (.draining(.local), nil),
      (.draining(.remote), nil),
      (.closing, nil),
      (.closed, nil),
    ]
    for (readiness, suitability) in table {
      #expect(TunnelPool.Suitability(readiness) == suitability)
    }
  }
}
