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

// MARK: - Opening the carrier

extension TunnelSimulation {
  mutating func advanceHandshake() throws(Violation) {
    switch self.carrier.progress {
    case .idle:
      self.carrier.progress = .dialled
      self.note("carrier dialled")
      switch self.scenario.dialler {
      case .client:
        self.client.hasCarrier = true
        self.client.machine.startConnecting(now: self.now)
      case .server:
        self.server.hasCarrier = true
        self.server.machine.startConnecting(now: self.now)
      }
    case .dialled:
      if self.carrier.error != nil { return self.dialFailed() }
      switch self.scenario.dialler {
      case .client:
        if self.carrier.toServer.isStalled { return }
        self.openServer()
      case .server:
        if self.carrier.toClient.isStalled { return }
        self.client.machine.startConnecting(now: self.now)
        self.openClient()
      }
      self.carrier.progress = .accepted
      self.note("carrier accepted")
    case .accepted:
      if let error = self.carrier.error {
        self.carrier.progress = .established
        self.closeDialler(error)
        return
      }
      switch self.scenario.dialler {
      case .client:
        if self.carrier.toClient.isStalled { return }
        self.openClient()
      case .server:
        if self.carrier.toServer.isStalled { return }
        self.openServer()
      }
      self.carrier.progress = .established
      self.note("carrier established")
    case .established:
      ()
    }
  }

  private mutating func openClient() {
    self.client.hasCarrier = true
    self.client.machine.carrierOpened(peer: self.scenario.serverHeaders)
    if let agreement = self.client.machine.agreement {
      self.client.wire.opened(agreement, settings: nil)
    }
    self.clientChanged(.tunnel)
  }

  private mutating func openServer() {
    self.server.hasCarrier = true
    self.server.machine.carrierOpened(peer: self.scenario.clientHeaders)
    self.server.wire.opened(self.scenario.serverHeaders.agreed(with: self.scenario.clientHeaders))
    self.serverChanged(.tunnel)
  }

  /// The request was lost: at the other end there never was a tunnel.
  private mutating func dialFailed() {
    guard let error = self.carrier.error else { return }
    self.carrier.progress = .established
    self.closeDialler(error)
    let closure = TunnelEnd(initiator: .local, error: nil)
    switch self.scenario.dialler {
    case .client:
      self.server.machine.close(closure)
      self.serverChanged(.tunnel)
    case .server:
      self.client.machine.close(closure)
      self.clientChanged(.tunnel)
    }
  }

  private mutating func closeDialler(_ error: RPCError) {
    self.note("dial failed")
    let closure = TunnelEnd(initiator: .remote, error: error)
    switch self.scenario.dialler {
    case .client:
      self.client.machine.close(closure)
      self.clientChanged(.tunnel)
    case .server:
      self.server.machine.close(closure)
      self.serverChanged(.tunnel)
    }
  }
}

// MARK: - Frames

extension TunnelSimulation {
  mutating func pumpClient(_ maximumByteCount: Int) throws(Violation) {
    var sent: [ClientFrame] = []
    let scope = try self.client.pump(
      into: &self.carrier.toServer,
      maximumByteCount: maximumByteCount,
      capacity: self.scenario.carrierCapacity,
      now: self.now,
      loss: self.carrier.error,
      choices: &self.choices
    ) { frame in sent.append(frame) }
    for frame in sent { try self.noteSent(frame, by: "client") }
    guard let scope else { return }
    self.progress += 1
    self.clientChanged(scope)
  }

  mutating func pumpServer(_ maximumByteCount: Int) throws(Violation) {
    var sent: [ServerFrame] = []
    let scope = try self.server.pump(
      into: &self.carrier.toClient,
      maximumByteCount: maximumByteCount,
      capacity: self.scenario.carrierCapacity,
      now: self.now,
      loss: self.carrier.error,
      choices: &self.choices
    ) { frame in sent.append(frame) }
    for frame in sent { try self.noteSent(frame, by: "server") }
    guard let scope else { return }
    self.progress += 1
    self.serverChanged(scope)
  }

  private mutating func noteSent<Frame: ProtobufMessage & Equatable>(
    _ frame: Frame,
    by end: String
  ) throws(Violation) {
    self.countFrame()
    self.trace?("\(self.now) \(end) sends \(frame)")
    guard self.scenario.encodesFrames else { return }
    let decoded = try? Frame(decoding: frame.encoded()[...])
    try require(decoded == frame, "A frame is another one after the codec: \(frame)")
  }

  mutating func deliverToServer(count: Int) throws(Violation) {
    let isReading = self.server.dials ? self.carrier.isEstablished : self.server.hasCarrier
    guard isReading, !self.carrier.toServer.isStalled else { return }
    for _ in 0 ..< count {
      if self.server.machine.closure != nil { return self.carrier.toServer.discard() }
      if self.server.machine.isInboundPaused { return }
      if let frame = self.carrier.toServer.receive() {
        try self.serverReceives(frame)
      } else if self.carrier.toServer.isAtEnd, let end = self.carrier.toServer.end {
        self.note("server sees the carrier's end")
        self.server.inboundEnded(end)
        self.serverChanged(.tunnel)
      }
    }
  }

  private mutating func serverReceives(_ frame: ClientFrame) throws(Violation) {
    self.progress += 1
    self.trace?("\(self.now) server receives \(frame)")
    self.server.wire.received(frame)
    let isDraining = self.server.machine.drainInitiator == .local
    let (openCount, heldCount) = (
      self.server.machine.streams.openCount, self.server.machine.streams.count
    )
    switch self.server.machine.receive(frame, now: self.now) {
    case .newStream(let accepted):
      try self.accept(accepted)
      try require(!isDraining, "A draining server took on an RPC")
    case .stream(let id):
      self.serverChanged(.streams([id]))
    case .tunnel:
      try require(self.server.machine.isPeerDraining, "The tunnel did not change")
      self.serverChanged(.tunnel)
    case .ignored:
      guard case .newStream = frame.payload, let number = self.numbers[frame.streamID] else {
        return
      }
      self.note("RPC refused", "\(number)")
      let limit = self.scenario.server.maximumConcurrentStreams
      try require(
        // A server that cannot answer takes on nothing.
        self.server.hasEndedOutput || isDraining || self.calls[number].plan.exceedsLimits
          || openCount >= limit
          || heldCount >= 2 * limit,
        "RPC \(number) was refused without need"
      )
    case .fault(let error):
      throw Violation("The server finds fault with its peer: \(error)")
    }
  }

  mutating func deliverToClient(count: Int) throws(Violation) {
    let isReading = self.client.dials ? self.carrier.isEstablished : self.client.hasCarrier
    guard isReading, !self.carrier.toClient.isStalled else { return }
    for _ in 0 ..< count {
      if self.client.machine.closure != nil { return self.carrier.toClient.discard() }
      if self.client.machine.isInboundPaused { return }
      if let frame = self.carrier.toClient.receive() {
        try self.clientReceives(frame)
      } else if self.carrier.toClient.isAtEnd, let end = self.carrier.toClient.end {
        self.note("client sees the carrier's end")
        self.client.inboundEnded(end)
        self.clientChanged(.tunnel)
      }
    }
  }

  private mutating func clientReceives(_ frame: ServerFrame) throws(Violation) {
    self.progress += 1
    self.trace?("\(self.now) client receives \(frame)")
    self.client.wire.received(frame)
    let result = self.client.machine.receive(frame, now: self.now)
    if case .settings(let settings) = frame.payload,
      let agreement = self.client.machine.agreement
    {
      self.client.wire.opened(agreement, settings: settings)
    }
    switch result {
    case .stream(let id): self.clientChanged(.streams([id]))
    case .tunnel: self.clientChanged(.tunnel)
    case .ignored: ()
    case .fault(let error): throw Violation("The client finds fault with its peer: \(error)")
    }
  }
}
