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

@Suite("A tunnel's identity (PROTOCOL.md 10)")
struct TunnelIdentityTests {
  @Test("is read as it was written")
  func roundTrip() {
    var metadata: Metadata = ["agent-id": "shop"]
    let identity = TunnelIdentity(instance: "0af3-B_9", slot: 12)
    identity.write(into: &metadata)
    #expect(Array(metadata[stringValues: "grpctunnel-instance"]) == ["0af3-B_9"])
    #expect(Array(metadata[stringValues: "grpctunnel-slot"]) == ["12"])
    #expect(TunnelIdentity(metadata) == identity)
  }

  @Test("takes the place of what the application has written under its keys")
  func overwriting() {
    var metadata: Metadata = ["grpctunnel-instance": "forged", "grpctunnel-slot": "7"]
    let identity = TunnelIdentity(instance: "a", slot: 0)
    identity.write(into: &metadata)
    #expect(TunnelIdentity(metadata) == identity)
  }

  @Test("an instance is of 32 digits, and random")
  func instance() {
    var generator = SystemRandomNumberGenerator()
    let instances = (0 ..< 100).map { _ in TunnelIdentity.makeInstance(using: &generator) }
    #expect(Set(instances).count == 100)
    for instance in instances {
      #expect(instance.utf8.count == 32)
      #expect(
        TunnelIdentity(["grpctunnel-instance": .string(instance), "grpctunnel-slot": "0"]) != nil
      )
    }
  }

  @Test("up to 64 characters and 5 digits are taken")
  func longest() {
    let instance = String(repeating: "a", count: 64)
    let metadata: Metadata = ["grpctunnel-instance": .string(instance), "grpctunnel-slot": "99999"]
    #expect(TunnelIdentity(metadata) == TunnelIdentity(instance: instance, slot: 99999))
  }

  @Test(
    "whatever else a peer sends is no identity",
    arguments: [
      [:],
      ["grpctunnel-instance": "a"],
      ["grpctunnel-slot": "0"],
      ["grpctunnel-instance": "", "grpctunnel-slot": "0"],
      ["grpctunnel-instance": "a b", "grpctunnel-slot": "0"],
      ["grpctunnel-instance": "ä", "grpctunnel-slot": "0"],
      ["grpctunnel-instance": "a/b", "grpctunnel-slot": "0"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": ""],
      ["grpctunnel-instance": "a", "grpctunnel-slot": "-1"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": "+1"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": " 1"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": "1.0"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": "0x1"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": "١"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": "100000"],
      ["grpctunnel-instance": "a", "grpctunnel-instance": "a", "grpctunnel-slot": "0"],
      ["grpctunnel-instance": "a", "grpctunnel-slot": "0", "grpctunnel-slot": "0"],
      ["grpctunnel-instance": .string(String(repeating: "a", count: 65)), "grpctunnel-slot": "0"],
    ] as [Metadata]
  )
  func invalid(metadata: Metadata) {
    #expect(TunnelIdentity(metadata) == nil)
  }
}
