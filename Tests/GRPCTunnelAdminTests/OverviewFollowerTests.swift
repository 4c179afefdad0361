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
internal import Testing

@testable internal import GRPCTunnelAdmin

@Suite("What has changed")
struct OverviewFollowerTests {
  @Test("nothing, at first")
  func nothing() async {
    let source = FakeSource("tunnel-1")
    var follower = OverviewFollower(await source.overview())
    let changes = follower.changes(to: await source.overview())
    #expect(changes.tunnels.isEmpty && changes.gone.isEmpty && changes.closed.isEmpty)
  }

  @Test("each change is told once")
  func once() async {
    let source = FakeSource("tunnel-1", "tunnel-2", "tunnel-3")
    var follower = OverviewFollower(await source.overview())
    source.update { state in
      state.tunnels[0].openRPCs = 5
      state.closed = [state.tunnels.remove(at: 1)]
      state.tunnels.append(FakeSource.tunnel("tunnel-4"))
      state.state = .draining
    }
    let changes = follower.changes(to: await source.overview())
    #expect(changes.tunnels.map(\.id) == ["tunnel-1", "tunnel-4"])
    #expect(changes.gone == ["tunnel-2"])
    #expect(changes.closed.map(\.id) == ["tunnel-2"])
    #expect(changes.state == .draining)
    let none = follower.changes(to: await source.overview())
    #expect(none.tunnels.isEmpty && none.gone.isEmpty && none.closed.isEmpty)
  }

  @Test("a tunnel that came and went in between is told as closed")
  func inBetween() async {
    let source = FakeSource()
    var follower = OverviewFollower(await source.overview())
    source.update { $0.closed = [FakeSource.tunnel("tunnel-9")] }
    let changes = follower.changes(to: await source.overview())
    #expect(changes.closed.map(\.id) == ["tunnel-9"])
    #expect(changes.gone.isEmpty)
  }
}
