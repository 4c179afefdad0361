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
package import GRPCCore
internal import GRPCTunnel

/// A network of one client and one server in memory, for tunnels to be carried over.
///
/// Its RPCs end as those over HTTP/2 do: when the client gives one up, the server's inbound throws
/// and the RPC's cancellation handle fires; a server that shuts down gracefully fires the handles
/// and lets its RPCs go on. Unlike HTTP/2 it can be cut, and stalled, at will.
package final class CarrierPair: Sendable {
  /// The ends of an RPC.
  package enum End: Sendable {
    case client
    case server
  }

  /// Is told every message as it is written.
  package typealias Recorder =
    @Sendable (_ method: MethodDescriptor, _ sender: End, _ message: [UInt8]) -> Void

  private struct State {
    var open: [ObjectIdentifier: CarrierStream] = [:]
    var isStalled = false
    var isCut = false
  }

  private let capacity: Int
  private let record: Recorder
  private let state = LockedValue(State())
  /// RPCs that the server has not taken yet.
  private let incoming: CarrierPipe<CarrierStream>
  private let cancellations = CarrierCancellations()

  /// - Parameters:
  ///   - capacity: The bytes under way in each direction of an RPC before its writer waits: the size
  ///     of HTTP/2's window by default.
  ///   - record: Is told every message as it is written.
  package init(capacity: Int = 65_535, record: @escaping Recorder = { _, _, _ in }) {
    self.capacity = capacity
    self.record = record
    self.incoming = CarrierPipe(capacity: .max, isStalled: false) { _ in 1 }
  }

  /// The client's end. Each use is a transport of its own.
  package var client: CarrierClientTransport {
    CarrierClientTransport(pair: self)
  }

  /// The server's end. Used once.
  package var server: CarrierServerTransport {
    CarrierServerTransport(pair: self, cancellations: self.cancellations)
  }

  // MARK: - Faults

  /// Loses the connection: every RPC fails at both ends, and new ones are refused until ``mend()``.
  package func cut() {
    let open = self.state.withLock { state in
      state.isCut = true
      defer { state.open.removeAll() }
      return Array(state.open.values)
    }
    for stream in open {
      stream.reset(client: Self.lost, server: Self.lost)
    }
  }

  /// Lets new RPCs through again.
  package func mend() {
    self.state.withLock { $0.isCut = false }
  }

  /// Delivers nothing until ``resume()``; what is written waits, and its writers once there is too
  /// much of it.
  package func stall() {
    self.setStalled(true)
  }

  package func resume() {
    self.setStalled(false)
  }

  private func setStalled(_ isStalled: Bool) {
    let open = self.state.withLock { state in
      state.isStalled = isStalled
      return Array(state.open.values)
    }
    for stream in open {
      stream.setStalled(isStalled)
    }
  }

  private static let lost = RPCError(code: .unavailable, message: "The connection was lost.")

  // MARK: - RPCs

  /// The RPCs that have not ended.
  package var openCount: Int {
    self.state.withLock { $0.open.count }
  }

  /// Starts an RPC at the client.
  func open(_ descriptor: MethodDescriptor) async throws -> CarrierStream {
    let stream = try self.state.withLock { state in
      if state.isCut { throw Self.lost }
      let stream = CarrierStream(
        descriptor: descriptor,
        capacity: self.capacity,
        isStalled: state.isStalled,
        record: self.record
      )
      state.open[ObjectIdentifier(stream)] = stream
      return stream
    }
    do {
      try await self.incoming.write(stream)
    } catch {
      self.close(stream)
      throw RPCError(code: .unavailable, message: "The server is shutting down.")
    }
    return stream
  }

  /// The next RPC at the server; nil when it takes no more.
  func accept() async throws -> CarrierStream? {
    try await self.incoming.next()
  }

  func refuseFurther() {
    self.incoming.finish()
  }

  /// The RPC has ended at both ends, or is not needed by either any more.
  func close(_ stream: CarrierStream) {
    _ = self.state.withLock { $0.open.removeValue(forKey: ObjectIdentifier(stream)) }
  }
}
