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

internal import Testing

@testable internal import GRPCTunnelRouter

@Suite("AnnouncedServices")
struct AnnouncedServicesTests {
  @Test("services are known by the keys of the tunnels that announced them")
  func services() {
    var announced = AnnouncedServices<Int>()
    announced.add(1, key: "b", services: ["s", "t"])
    announced.add(2, key: "a", services: ["s"])
    announced.add(3, key: "a", services: ["s"])
    announced.add(4, key: "c", services: [])
    #expect(announced.keys(forService: "s") == ["a", "b"])
    #expect(announced.keys(forService: "t") == ["b"])
    #expect(announced.keys(forService: "u") == [])
    announced.remove(2)
    #expect(announced.keys(forService: "s") == ["a", "b"])
    announced.remove(3)
    #expect(announced.keys(forService: "s") == ["b"])
    announced.remove(1)
    announced.remove(1)
    #expect(announced.isEmpty)
  }
}
