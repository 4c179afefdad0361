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

/// A tunnel client and a tunnel server joined by two queues of frames, with applications at both
/// ends that do what random numbers say.
///
/// Each RPC sends messages to the server, which sends some of its own, and ends in one of several
/// ways. Applications that were told to wait do so until the machine names their stream, so that
/// one that is forgotten is found.
struct TunnelSimulation {
  enum Ending: CaseIterable {
    case ok
    case error
    /// The server closes before the request is complete.
    case early
    case cancel
    case abort
  }

  /// One RPC as its applications see it.
  struct RPC {
    /// An application, as far as it was told to wait.
    struct Waits {
      var reader = false
      var writer = false
    }

    var ending: Ending
    var requests: [[UInt8]]
    var responses: [[UInt8]]
    var sentRequests = 0
    var sentResponses = 0
    var receivedRequests = 0
    var receivedResponses = 0
    var clientWaits = Waits()
    var serverWaits = Waits()
    var isHalfClosed = false
    var isAccepted = false
    var isRefused = false
    var isRequestComplete = false
    var hasResponseHeaders = false
    var isHandlerDone = false
    var isClientDone = false
  }

  var random: SeededGenerator
  let streamLimit: Int
  var client: TunnelClientStateMachine
  var server: TunnelServerStateMachine
  var toServer: [ClientFrame] = []
  var toClient: [ServerFrame] = []
  var rpcs: [StreamID: RPC] = [:]
  var remaining: Int
  /// How many RPCs ended in the way that they were meant to.
  var completed = 0

  init(seed: UInt64, revision: ProtocolRevision, count: Int) {
    self.random = SeededGenerator(seed: seed)
    self.remaining = count
    self.streamLimit = 1 + self.random.int(below: 5)
    // Small, so that RPCs meet all limits.
    var configuration = TunnelConfiguration()
    configuration.initialWindowSize = 1 + UInt32(self.random.int(below: 60))
    configuration.sendBufferSize = 1 + self.random.int(below: 200)
    configuration.receiveBufferSize = 1 + self.random.int(below: 200)
    configuration.maximumConcurrentStreams = self.streamLimit
    configuration.maximumQueuedControlFrames = 20
    configuration.maximumRevision = revision
    self.client = TunnelClientStateMachine(configuration: configuration, offered: .extended)
    self.server = TunnelServerStateMachine(configuration: configuration, offered: .extended)
    self.client.startConnecting(now: .zero)
    self.client.carrierOpened(peer: .extended)
    self.server.carrierOpened(peer: .extended)
  }

  // MARK: - Steps

  /// Runs until all RPCs are done and both ends have finished, or a limit of steps is reached.
  mutating func run() {
    var steps = 0
    while !self.isDone {
      steps += 1
      guard steps < 20_000 else {
        Issue.record("The tunnel is stuck")
        return
      }
      for _ in 0 ..< 10 { self.step() }
    }
    self.drain()
  }

  private var isDone: Bool {
    self.remaining == 0 && self.rpcs.values.allSatisfy { $0.isClientDone && $0.isHandlerDone }
  }

  private mutating func step() {
    switch self.random.int(below: 8) {
    case 0: self.start()
    case 1: self.pumpClient()
    case 2: self.pumpServer()
    case 3: self.deliverToServer()
    case 4: self.deliverToClient()
    case 5, 6: self.clientStep()
    default: self.serverStep()
    }
  }

  private mutating func start() {
    guard self.remaining > 0, case .reserved = self.client.reserveStream() else { return }
    if self.random.isOne(in: 10) {
      self.client.cancelReservation()
      return
    }
    do {
      let id = try self.client.open(method: "s/m", headers: [:], timeout: nil, now: .zero)
      let ending = self.random.isOne(in: 3) ? self.random.pick(Ending.allCases) : .ok
      self.rpcs[id] = RPC(ending: ending, requests: self.messages(), responses: self.messages())
      self.remaining -= 1
    } catch {
      Issue.record(error)
    }
  }

  private mutating func messages() -> [[UInt8]] {
    (0 ..< self.random.int(below: 6)).map { _ in
      self.random.bytes(count: self.random.pick([0, 1, 10, 100, 200]))
    }
  }

  private mutating func pumpClient() {
    var frames: [ClientFrame] = []
    let size = self.random.pick([1, 100, 1000])
    for id in self.client.takeFrames(into: &frames, maximumByteCount: size) {
      self.rpcs[id]?.clientWaits.writer = false
    }
    self.toServer.append(contentsOf: frames)
  }

  private mutating func pumpServer() {
    var frames: [ServerFrame] = []
    let size = self.random.pick([1, 100, 1000])
    for id in self.server.takeFrames(into: &frames, maximumByteCount: size) {
      self.rpcs[id]?.serverWaits.writer = false
    }
    self.toClient.append(contentsOf: frames)
  }

  private mutating func deliverToServer() {
    guard !self.server.isInboundPaused, !self.toServer.isEmpty else { return }
    let frame = self.toServer.removeFirst()
    let activeCount = self.server.activeStreamCount
    switch self.server.receive(frame) {
    case .newStream(let accepted):
      self.rpcs[accepted.id]?.isAccepted = true
    case .stream(let id):
      self.rpcs[id]?.serverWaits = RPC.Waits()
    case .ignored:
      guard case .newStream = frame.payload else { return }
      // A client that keeps to the limit is refused only for handlers that outlive their streams.
      #expect(activeCount == 2 * self.streamLimit)
      self.rpcs[frame.streamID]?.isRefused = true
      self.rpcs[frame.streamID]?.isHandlerDone = true
    case .tunnel:
      #expect(self.server.isPeerDraining)
    case .fault(let error):
      Issue.record(error)
    }
  }

  private mutating func deliverToClient() {
    guard !self.client.isInboundPaused, !self.toClient.isEmpty else { return }
    switch self.client.receive(self.toClient.removeFirst()) {
    case .stream(let id):
      self.rpcs[id]?.clientWaits = RPC.Waits()
    case .fault(let error):
      Issue.record(error)
    case .ignored, .tunnel:
      ()
    }
  }

  // MARK: - The client's application

  private mutating func clientStep() {
    let open = self.rpcs.filter { !$0.value.isClientDone }.keys.sorted()
    guard !open.isEmpty else { return }
    let id = self.random.pick(open)
    guard var rpc = self.rpcs[id] else { return }
    defer { self.rpcs[id] = rpc }

    if rpc.ending == .cancel, self.random.isOne(in: 10) {
      self.client.release(id)
      rpc.isClientDone = true
      self.completed += 1
      return
    }
    if self.random.isOne(in: 2) {
      self.write(&rpc, id)
    } else {
      self.read(&rpc, id)
    }
  }

  private mutating func write(_ rpc: inout RPC, _ id: StreamID) {
    guard !rpc.clientWaits.writer else { return }
    switch self.client.writeReadiness(of: id) {
    case .wait:
      rpc.clientWaits.writer = true
      return
    case .failed:
      return
    case .ready:
      ()
    }
    if rpc.sentRequests < rpc.requests.count {
      let result = self.client.write(rpc.requests[rpc.sentRequests][...], to: id)
      #expect(result.errorCode == nil)
      rpc.sentRequests += 1
    } else if !rpc.isHalfClosed {
      self.client.halfClose(id)
      rpc.isHalfClosed = true
    }
  }

  private mutating func read(_ rpc: inout RPC, _ id: StreamID) {
    guard !rpc.clientWaits.reader else { return }
    switch self.client.read(id) {
    case .part(.headers):
      #expect(!rpc.hasResponseHeaders)
      rpc.hasResponseHeaders = true
    case .part(.message(let message)):
      #expect(rpc.hasResponseHeaders)
      #expect(Array(message) == rpc.responses[rpc.receivedResponses])
      rpc.receivedResponses += 1
    case .part(.close(let close)):
      switch rpc.ending {
      case _ where rpc.isRefused:
        #expect(close.status?.code == 14)
        #expect(close.unprocessed)
      case .ok, .early, .cancel:
        #expect(close.status?.code == 0)
        #expect(rpc.receivedResponses == rpc.responses.count)
      case .error:
        #expect(close.status?.code == 5)
        #expect(rpc.receivedResponses == rpc.responses.count)
      case .abort:
        // The handler may have been done before it got to it.
        #expect(close.status?.code == 15 || rpc.receivedResponses == rpc.responses.count)
      }
      self.client.release(id)
      rpc.isClientDone = true
      self.completed += 1
    case .end, .failed:
      Issue.record("Stream \(id) ended without a close")
      rpc.isClientDone = true
    case .wait:
      rpc.clientWaits.reader = true
    }
  }

  // MARK: - The server's handlers

  private mutating func serverStep() {
    let running = self.rpcs.filter { !$0.value.isHandlerDone }.keys.sorted()
    guard !running.isEmpty else { return }
    let id = self.random.pick(running)
    guard var rpc = self.rpcs[id], rpc.isAccepted else { return }
    defer { self.rpcs[id] = rpc }

    if self.server.isAborted(id) {
      #expect(rpc.ending == .cancel)
      self.server.release(id)
      rpc.isHandlerDone = true
      return
    }
    if rpc.ending == .abort, self.random.isOne(in: 10) {
      self.server.abort(id, RPCError(code: .dataLoss, message: "aborted"))
      self.server.release(id)
      rpc.isHandlerDone = true
      return
    }
    if self.random.isOne(in: 2) {
      self.readAtServer(&rpc, id)
    } else {
      self.writeAtServer(&rpc, id)
    }
  }

  private mutating func readAtServer(_ rpc: inout RPC, _ id: StreamID) {
    guard !rpc.serverWaits.reader else { return }
    switch self.server.read(id) {
    case .part(.headers):
      ()
    case .wait:
      rpc.serverWaits.reader = true
    case .part(.message(let message)):
      #expect(Array(message) == rpc.requests[rpc.receivedRequests])
      rpc.receivedRequests += 1
    case .end:
      #expect(rpc.receivedRequests == rpc.requests.count)
      rpc.isRequestComplete = true
    case .failed(let error):
      #expect(error.code == .cancelled)
    }
  }

  private mutating func writeAtServer(_ rpc: inout RPC, _ id: StreamID) {
    guard !rpc.serverWaits.writer else { return }
    switch self.server.writeReadiness(of: id) {
    case .wait:
      rpc.serverWaits.writer = true
      return
    case .failed:
      return
    case .ready:
      ()
    }
    if rpc.sentResponses < rpc.responses.count {
      let result = self.server.write(rpc.responses[rpc.sentResponses][...], to: id)
      #expect(result.errorCode == nil)
      rpc.sentResponses += 1
    } else if rpc.isRequestComplete || rpc.ending == .early {
      self.server.close(id, with: rpc.ending == .error ? CloseStream(.notFound) : .ok)
      self.server.release(id)
      rpc.isHandlerDone = true
    }
  }

  // MARK: - The end

  /// Drains both ends: whatever is on its way must lead to their end, with nothing left behind.
  private mutating func drain() {
    self.client.beginDrain(now: .zero)
    self.server.beginDrain(now: .zero)
    for _ in 0 ..< 200 {
      self.pumpClient()
      self.pumpServer()
      self.deliverToServer()
      self.deliverToClient()
    }
    #expect(self.toServer.isEmpty)
    #expect(self.toClient.isEmpty)
    #expect(self.client.activeStreamCount == 0)
    #expect(self.server.activeStreamCount == 0)
    #expect(self.client.streams.count == 0)
    #expect(!self.client.isInboundPaused)
    #expect(!self.server.isInboundPaused)
    #expect(self.server.isPeerDraining)
    for figures in [self.client.figures, self.server.figures] {
      #expect(figures.streamsFinished.reduce(0, +) == figures.streamsStarted)
      #expect(figures.bufferedByteCount == 0)
    }
    #expect(self.server.figures.bytesReceived <= self.client.figures.bytesSent)
    #expect(self.client.figures.bytesReceived <= self.server.figures.bytesSent)
    #expect(self.client.outputEnd?.isFinished == true)
    #expect(self.server.outputEnd?.isFinished == true)
  }
}

@Suite("Both ends of a tunnel, joined")
struct TunnelSimulationTests {
  @Test("All RPCs end as they should, with every byte in order", arguments: ProtocolRevision.both)
  func simulation(revision: ProtocolRevision) {
    for seed in 0 ..< 150 as Range<UInt64> {
      var simulation = TunnelSimulation(seed: seed, revision: revision, count: 12)
      simulation.run()
      #expect(simulation.completed == 12, "Seed \(seed)")
    }
  }
}
