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

internal import DequeModule
internal import GRPCCore
internal import GRPCTunnelProtocol

/// A tunnel client and a tunnel server joined by a simulated carrier, with applications at both
/// ends, in one process and without a clock. What happens next, and what goes wrong, is chosen by
/// random numbers.
///
/// Applications that were told to wait do so until the machine names their stream, so that one that
/// is forgotten is found. Whatever a run does, it does again for the same choices.
package struct TunnelSimulation {
  package let scenario: Scenario
  var choices: Choices
  var now = Duration.zero
  var carrier = SimulatedCarrier()
  var client: SimulatedEnd<TunnelClientStateMachine, ClientWire>
  var server: SimulatedEnd<TunnelServerStateMachine, ServerWire>
  var calls: [SimulatedCall] = []
  /// Which call a stream is.
  var numbers: [StreamID: Int] = [:]
  /// The calls that wait for a place, in order.
  var places: Deque<Int> = []
  /// Nothing more goes wrong, and all comes to its end.
  var isSettling = false
  /// Grows with everything that somebody has got done.
  var progress = 0

  package private(set) var report = SimulationReport()

  /// Called with what happens, step by step.
  package var trace: ((String) -> Void)?

  package init(choices: Choices) {
    var choices = choices
    let scenario = Scenario(using: &choices)
    self.scenario = scenario
    self.choices = choices
    self.client = SimulatedEnd(
      machine: TunnelClientStateMachine(
        configuration: scenario.client,
        offered: scenario.clientHeaders
      ),
      wire: ClientWire(configuration: scenario.client),
      dials: scenario.dialler == .client
    )
    self.server = SimulatedEnd(
      machine: TunnelServerStateMachine(
        configuration: scenario.server,
        offered: scenario.serverHeaders
      ),
      wire: ServerWire(configuration: scenario.server),
      dials: scenario.dialler == .server
    )
  }

  /// Runs the tunnel to its end.
  ///
  /// - Throws: The first invariant that does not hold.
  package mutating func run() throws(Violation) {
    self.report.runs = 1
    for number in 0 ..< self.scenario.callCount {
      let plan = CallPlan(in: self.scenario, using: &self.choices)
      self.calls.append(SimulatedCall(number: number, plan: plan))
    }
    for _ in 0 ..< self.scenario.stepCount where !self.choices.isExhausted {
      try self.step()
      try self.check()
    }
    try self.settle()
    try self.end()
  }

  private mutating func step() throws(Violation) {
    self.report.steps += 1
    switch self.choices.int(below: 16) {
    case 0: try self.advanceHandshake()
    case 1: try self.stepClock()
    case 2: self.befall()
    case 3: try self.pumpClient(self.choices.pick([1, 100, 1000]))
    case 4: try self.pumpServer(self.choices.pick([1, 100, 1000]))
    case 5, 6: try self.deliverToServer(count: self.choices.pick([1, 3, 10]))
    case 7, 8: try self.deliverToClient(count: self.choices.pick([1, 3, 10]))
    case 9, 10, 11: try self.stepCaller(self.choices.int(below: self.calls.count))
    default: try self.stepHandler(self.choices.int(below: self.calls.count))
    }
  }

  /// Notes that something happened.
  mutating func note(_ event: String, _ detail: @autoclosure () -> String = "") {
    self.progress += 1
    self.report.count(event)
    self.trace?("\(self.now) \(event) \(detail())")
  }

  mutating func countCall() { self.report.calls += 1 }

  mutating func countFrame() { self.report.framesSent += 1 }

  mutating func countMessage() {
    self.progress += 1
    self.report.messagesReceived += 1
  }

  // MARK: - Consequences

  /// Lets those go on who may, as the library's sessions do after each input to the tunnel client.
  mutating func clientChanged(
    _ scope: SimulatedEnd<TunnelClientStateMachine, ClientWire>.Scope
  ) {
    switch scope {
    case .nothing:
      ()
    case .streams(let streams):
      for id in streams {
        if let number = self.numbers[id] { self.calls[number].caller.waits = Waits() }
      }
    case .tunnel:
      for number in self.calls.indices { self.calls[number].caller.waits = Waits() }
    }
    while let number = self.places.first {
      switch self.client.machine.reserveStream() {
      case .reserved: self.calls[number].caller.state = .reserved
      case .failed(let error): self.calls[number].caller.state = .done(.notStarted(error))
      case .wait: return
      }
      self.places.removeFirst()
      self.progress += 1
    }
  }

  /// As ``clientChanged(_:)``, for the tunnel server.
  mutating func serverChanged(
    _ scope: SimulatedEnd<TunnelServerStateMachine, ServerWire>.Scope
  ) {
    switch scope {
    case .nothing:
      ()
    case .streams(let streams):
      for id in streams {
        if let number = self.numbers[id] { self.calls[number].handler.waits = Waits() }
      }
    case .tunnel:
      for number in self.calls.indices { self.calls[number].handler.waits = Waits() }
    }
  }

  // MARK: - The end

  /// Lets everything come to its end. No time passes: nothing may need a timer for that.
  private mutating func settle() throws(Violation) {
    self.isSettling = true
    self.carrier.toServer.isStalled = false
    self.carrier.toClient.isStalled = false
    while true {
      let before = self.progress
      try self.advanceHandshake()
      try self.expireTimers()
      for number in self.calls.indices {
        try self.stepCaller(number)
        try self.stepHandler(number)
        try self.check()
      }
      try self.move()
      if self.progress == before { break }
    }
    for call in self.calls {
      guard case .done(let outcome) = call.caller.state else {
        throw Violation("RPC \(call.number) is lost: \(call.caller.state)")
      }
      if case .notStarted(let error) = outcome {
        try self.judge(call.number, notStarted: error)
      }
      if case .running = call.handler.state {
        throw Violation("The handler of RPC \(call.number) is stuck")
      }
    }
  }

  /// Drains the tunnel, unless it has ended: that must lead to its end, with nothing left behind.
  private mutating func end() throws(Violation) {
    let ends = self.choices.int(below: 3)
    if ends != 0 {
      self.client.machine.beginDrain(now: self.now)
      self.clientChanged(.tunnel)
    }
    if ends != 1 {
      self.server.machine.beginDrain(now: self.now)
      self.serverChanged(.tunnel)
    }
    while true {
      let before = self.progress
      try self.advanceHandshake()
      try self.move()
      try self.check()
      if self.progress == before { break }
    }
    try self.checkEnd()
  }

  private mutating func move() throws(Violation) {
    try self.pumpClient(1000)
    try self.pumpServer(1000)
    try self.deliverToServer(count: 10)
    try self.deliverToClient(count: 10)
  }
}
