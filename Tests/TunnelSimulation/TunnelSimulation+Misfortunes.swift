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

extension TunnelSimulation {
  /// Lets something go wrong, or end, if the scenario knows it.
  mutating func befall() {
    switch self.choices.int(below: 8) {
    case 0:
      guard self.scenario.cutsCarrier, self.choices.isOne(in: 6) else { return }
      self.note("carrier cut")
      self.carrier.cut(using: &self.choices)
    case 1:
      guard self.scenario.stallsCarrier else { return }
      self.carrier.toServer.isStalled.toggle()
    case 2:
      guard self.scenario.stallsCarrier else { return }
      self.carrier.toClient.isStalled.toggle()
    case 3:
      guard self.scenario.drainsClient, self.choices.isOne(in: 4) else { return }
      self.note("client drains")
      self.client.machine.beginDrain(now: self.now)
      self.clientChanged(.tunnel)
    case 4:
      guard self.scenario.drainsServer, self.choices.isOne(in: 4) else { return }
      self.note("server drains")
      self.server.machine.beginDrain(now: self.now)
      self.serverChanged(.tunnel)
    case 5:
      guard self.scenario.closesEnd, self.choices.isOne(in: 6) else { return }
      self.closeEnd()
    default:
      guard self.scenario.probes else { return }
      self.note("client probes")
      self.client.machine.probe(now: self.now)
      self.clientChanged(.tunnel)
    }
  }

  private mutating func closeEnd() {
    let error =
      self.choices.isOne(in: 2) ? nil : RPCError(code: .dataLoss, message: "closed by will")
    let closure = TunnelEnd(initiator: .local, error: error)
    if self.choices.isOne(in: 2) {
      self.note("client closes the tunnel")
      self.client.machine.close(closure)
      self.clientChanged(.tunnel)
    } else {
      self.note("server closes the tunnel")
      self.server.machine.close(closure)
      self.serverChanged(.tunnel)
    }
  }

  // MARK: - Time

  /// Lets time pass, and does what is due at once or later.
  mutating func stepClock() throws(Violation) {
    guard self.scenario.movesClock else { return }
    switch self.choices.int(below: 8) {
    case 0: self.now = max(self.now, self.client.machine.nextTimer ?? .zero)
    case 1: self.now = max(self.now, self.server.machine.nextTimer ?? .zero)
    case 2: self.now += .seconds(1)
    case 3: self.now += .seconds(4)
    default: self.now += .milliseconds(100)
    }
    if self.choices.isOne(in: 2) { try self.expireTimers() }
  }

  mutating func expireTimers() throws(Violation) {
    if let scope = try self.client.expireTimers(now: self.now) {
      self.note("client's timer")
      self.clientChanged(scope)
    }
    if let scope = try self.server.expireTimers(now: self.now) {
      self.note("server's timer")
      self.serverChanged(scope)
    }
  }
}
