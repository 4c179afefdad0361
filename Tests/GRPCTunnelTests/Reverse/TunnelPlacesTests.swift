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

@Suite("The places of reverse tunnels")
struct TunnelPlacesTests {
  private let first = TunnelID.next()
  private let second = TunnelID.next()
  private let identity = TunnelIdentity(instance: "a", slot: 0)

  @Test("a tunnel replaces the one that has its place")
  func replacing() {
    var places = TunnelPlaces<String, String>()
    #expect(places.opened(self.first, "first", key: "shop", self.identity) == nil)
    #expect(places.opened(self.second, "second", key: "shop", self.identity) == "first")
    #expect(places.count == 1)
    // The end of the old one leaves the place to the new one.
    places.closed(self.first, key: "shop", self.identity)
    #expect(places.count == 1)
    places.closed(self.second, key: "shop", self.identity)
    #expect(places.count == 0)
  }

  @Test("a tunnel that was dialled earlier and opens later does not replace its replacement")
  func overtaken() {
    var places = TunnelPlaces<String, String>()
    #expect(places.opened(self.second, "second", key: "shop", self.identity) == nil)
    #expect(places.opened(self.first, "first", key: "shop", self.identity) == "first")
    places.closed(self.first, key: "shop", self.identity)
    #expect(places.count == 1)
  }

  @Test("hearing of the same tunnel again changes nothing")
  func repeated() {
    var places = TunnelPlaces<String, String>()
    _ = places.opened(self.first, "first", key: "shop", self.identity)
    #expect(places.opened(self.first, "first", key: "shop", self.identity) == nil)
  }

  @Test("another key, instance or slot is another place")
  func others() {
    let others = [
      ("other", self.identity),
      ("shop", TunnelIdentity(instance: "b", slot: 0)),
      ("shop", TunnelIdentity(instance: "a", slot: 1)),
    ]
    for (key, identity) in others {
      var places = TunnelPlaces<String, String>()
      _ = places.opened(self.first, "first", key: "shop", self.identity)
      #expect(places.opened(self.second, "second", key: key, identity) == nil)
      #expect(places.count == 2)
    }
  }
}
