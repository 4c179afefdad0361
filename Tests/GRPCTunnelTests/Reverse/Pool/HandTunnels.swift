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
internal import GRPCTunnelTestSupport

@testable internal import GRPCTunnel

/// A pool of tunnels without carriers, whose frames a test takes and gives by hand.
final class HandTunnels: Sendable {
  let clock: ManualClock
  let registry: ReverseTunnelRegistry<String>
  let transport: ReverseTunnelClientTransport

  init() {
    self.clock = ManualClock()
    self.registry = ReverseTunnelRegistry(clock: self.clock.clock)
    self.transport = ReverseTunnelClientTransport(
      source: TunnelPoolSource(registry: self.registry, selection: .all, picker: .roundRobin),
      serviceConfig: ServiceConfig(),
      clock: self.clock.clock
    )
  }

  /// Adds a tunnel.
  func open(
    extensions: Set<TunnelExtension> = [.refused, .drain],
    maximumConcurrentStreams: Int = 1000
  ) -> HandTunnel {
    var configuration = TunnelConfiguration()
    configuration.maximumConcurrentStreams = maximumConcurrentStreams
    let tunnel = ReverseTunnel(
      session: ClientSession(
        configuration: configuration,
        origin: TunnelOrigin(direction: .reverse),
        observer: TunnelObserver(.none, direction: .reverse, role: .client),
        clock: self.clock.clock
      )
    )
    self.registry.add(tunnel, key: "shop", isOffered: true)
    tunnel.session.startConnecting()
    tunnel.session.carrierOpened(
      peer: CarrierHeaders(negotiates: true, extensions: extensions)
    )
    tunnel.session.receive(.settings(.zero, .one))
    return HandTunnel(tunnel: tunnel)
  }

  /// Runs a client beside `body`.
  func withClient<Result: Sendable>(
    _ body: @Sendable (GRPCClient<ReverseTunnelClientTransport>) async throws -> Result
  ) async throws -> Result {
    try await withGRPCClient(transport: self.transport, handleClient: body)
  }

  /// Returns when an RPC waits for a place or a tunnel.
  func waitForWaiter() async throws {
    while self.registry.state.withLock({ $0.waiters.isEmpty }) {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  /// The RPCs that are counted as being in a tunnel.
  func load(of tunnel: HandTunnel) -> Int {
    self.registry.state.withLock { $0.directory.load(of: tunnel.tunnel.id) }
  }
}

/// One of them.
final class HandTunnel: Sendable {
  let tunnel: ReverseTunnel
  private let taken = LockedValue<[ClientFrame]>([])

  init(tunnel: ReverseTunnel) {
    self.tunnel = tunnel
  }

  var session: ClientSession {
    self.tunnel.session
  }

  /// What was sent and not taken by ``next()``.
  var hasFrames: Bool {
    self.session.inspect { $0.hasFrames } || self.taken.withLock { !$0.isEmpty }
  }

  /// Takes the next frame that leaves, once there is one.
  func next() async throws -> ClientFrame {
    while true {
      if let frame = self.taken.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return frame }
      var frames: [ClientFrame] = []
      guard case .frames = await self.session.nextFrames(into: &frames) else {
        throw RawPeerError.noFrame
      }
      let more = frames
      self.taken.withLock { $0 += more }
    }
  }

  /// Takes frames until a stream is started.
  func nextStream() async throws -> (id: StreamID, newStream: NewStream) {
    while true {
      let frame = try await self.next()
      if case .newStream(let newStream) = frame.payload { return (frame.streamID, newStream) }
    }
  }

  /// Takes the messages of a stream until its half-close.
  func messages(of id: StreamID) async throws -> [[UInt8]] {
    var messages: [[UInt8]] = []
    while true {
      let frame = try await self.next()
      guard frame.streamID == id else { continue }
      switch frame.payload {
      case .requestMessage(let envelope): messages.append(Array(envelope.data))
      case .moreRequestData(let data): messages[messages.count - 1] += data
      case .halfClose: return messages
      case .newStream, .cancel, .windowUpdate, .none: throw RawPeerError.noFrame
      }
    }
  }

  func receive(_ frame: ServerFrame) {
    self.session.receive(frame)
  }

  /// Refuses a stream.
  func refuse(_ id: StreamID, _ message: String = "not here", isUnprocessed: Bool = true) {
    let status = WireStatus(code: Int32(RPCError.Code.unavailable.rawValue), message: message)
    self.receive(
      ServerFrame(
        streamID: id,
        payload: .closeStream(CloseStream(status: status, unprocessed: isUnprocessed))
      )
    )
  }

  /// Answers a stream with one message and OK.
  func answer(_ id: StreamID, _ message: [UInt8]) {
    self.receive(.headers(id))
    self.receive(.message(id, message))
    self.receive(.close(id))
  }

  func lose() {
    self.session.close(
      TunnelEnd(initiator: .remote, error: RPCError(code: .unavailable, message: "cut"))
    )
  }
}

extension RawPeerError {
  /// A frame is missing, or another one came.
  fileprivate static var noFrame: RawPeerError { .noHeaders }
}
