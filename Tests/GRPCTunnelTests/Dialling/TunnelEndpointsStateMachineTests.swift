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
internal import Testing

@testable internal import GRPCTunnel

@Suite("The state machine of a changing set of endpoints")
struct TunnelEndpointsStateMachineTests {
  private typealias Machine = TunnelEndpointsStateMachine<String>

  private static let error = TunnelError(code: .carrierFailed, message: "no")

  @Test("tells what is new in a set, and what is gone from it")
  func changes() {
    var machine = Machine(slotCount: 1)
    #expect(machine.update(to: ["a", "b"]) == .init(added: ["a", "b"]))
    #expect(machine.update(to: ["a", "b"]) == .init())
    #expect(machine.update(to: ["b", "c"]) == .init(added: ["c"], removed: ["a"]))
    #expect(machine.update(to: []) == .init(removed: ["b", "c"]))
    // What comes back is new.
    #expect(machine.update(to: ["a"]) == .init(added: ["a"]))
    #expect(machine.isWanted("a"))
    #expect(!machine.isWanted("b"))
    #expect(machine.outcome == nil)
  }

  @Test("an endpoint whose slots have stopped leaves the others alone")
  func oneStops() {
    var machine = Machine(slotCount: 2)
    _ = machine.update(to: ["a", "b"])
    machine.slotStopped(of: "a", Self.error)
    machine.slotStopped(of: "a", Self.error)
    machine.slotStopped(of: "b", Self.error)
    #expect(machine.outcome == nil)
    machine.slotStopped(of: "b", Self.error)
    #expect(machine.message == "no")
  }

  @Test("one that was removed counts no more")
  func removed() {
    var machine = Machine(slotCount: 1)
    _ = machine.update(to: ["a", "b"])
    machine.slotStopped(of: "a", Self.error)
    _ = machine.update(to: ["a"])
    #expect(machine.message == "no")
    // Its end is no news.
    machine.slotStopped(of: "b", nil)
    #expect(machine.message == "no")
  }

  @Test("a new one keeps it going")
  func added() {
    var machine = Machine(slotCount: 1)
    _ = machine.update(to: ["a"])
    machine.slotStopped(of: "a", Self.error)
    _ = machine.update(to: ["a", "b"])
    #expect(machine.outcome == nil)
  }

  @Test("without endpoints it waits for some, while there may be some")
  func noEndpoints() {
    var machine = Machine(slotCount: 1)
    #expect(machine.outcome == nil)
    _ = machine.update(to: [])
    #expect(machine.outcome == nil)

    var finished = machine
    finished.sourceEnded(nil)
    guard case .finished = finished.outcome else {
      Issue.record("\(String(describing: finished.outcome))")
      return
    }
    machine.sourceEnded(TunnelError(code: .carrierFailed, message: "no more"))
    #expect(machine.message == "no more")
  }

  @Test("the last set stays when the source ends", arguments: [false, true])
  func sourceEnds(fails: Bool) {
    var machine = Machine(slotCount: 1)
    _ = machine.update(to: ["a"])
    machine.sourceEnded(fails ? Self.error : nil)
    #expect(machine.outcome == nil)
    #expect(machine.isWanted("a"))
  }

  @Test("a drain is the end, whatever was the matter")
  func drain() {
    var machine = Machine(slotCount: 1)
    _ = machine.update(to: ["a"])
    machine.slotStopped(of: "a", Self.error)
    machine.beginDrain()
    guard case .finished = machine.outcome else {
      Issue.record("\(String(describing: machine.outcome))")
      return
    }
    #expect(machine.update(to: ["b"]) == .init())
  }

  @Test("there is always at least one slot", arguments: [-1, 0])
  func slotCount(count: Int) {
    var machine = Machine(slotCount: count)
    _ = machine.update(to: ["a"])
    #expect(machine.outcome == nil)
    machine.slotStopped(of: "a", Self.error)
    #expect(machine.message == "no")
  }
}

extension TunnelEndpointsStateMachine {
  /// The message of the error with which it is over.
  fileprivate var message: String? {
    guard case .failed(let error) = self.outcome else { return nil }
    return (error as? TunnelError)?.message
  }
}
