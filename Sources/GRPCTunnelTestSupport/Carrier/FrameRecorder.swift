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
internal import GRPCTunnel
package import GRPCTunnelProtocol

/// Remembers every frame that the ends of a ``CarrierPair`` send.
package final class FrameRecorder: Sendable {
  package enum Frame: Hashable, Sendable {
    case fromTunnelClient(ClientFrame)
    case fromTunnelServer(ServerFrame)
  }

  private struct Waiter {
    var isAwaited: @Sendable (Frame) -> Bool
    var event: OneShotEvent
  }

  private struct State {
    var frames: [Frame] = []
    var waiters: [Waiter] = []
  }

  private let state = LockedValue(State())

  package init() {}

  /// What has been sent so far.
  package var frames: [Frame] {
    self.state.withLock { $0.frames }
  }

  /// What the tunnel client has sent so far.
  package var clientFrames: [ClientFrame] {
    self.frames.compactMap { frame in
      if case .fromTunnelClient(let frame) = frame { frame } else { nil }
    }
  }

  /// What the tunnel server has sent so far.
  package var serverFrames: [ServerFrame] {
    self.frames.compactMap { frame in
      if case .fromTunnelServer(let frame) = frame { frame } else { nil }
    }
  }

  /// Suspends until a frame like this has been sent; returns at once when it was before.
  package func wait(until isAwaited: @escaping @Sendable (Frame) -> Bool) async throws {
    let event = OneShotEvent()
    let isThere = self.state.withLock { state in
      if state.frames.contains(where: isAwaited) { return true }
      state.waiters.append(Waiter(isAwaited: isAwaited, event: event))
      return false
    }
    if !isThere { try await event.wait() }
  }

  /// For ``CarrierPair/init(capacity:record:)``.
  package var record: CarrierPair.Recorder {
    { method, sender, message in
      if let frame = Self.frame(method, sender, message) {
        self.append(frame)
      }
    }
  }

  private func append(_ frame: Frame) {
    let waiters = self.state.withLock { state in
      state.frames.append(frame)
      let (waiting, found) = state.waiters.reduce(into: ([Waiter](), [Waiter]())) {
        result,
        waiter in
        if waiter.isAwaited(frame) { result.1.append(waiter) } else { result.0.append(waiter) }
      }
      state.waiters = waiting
      return found.map(\.event)
    }
    for waiter in waiters {
      waiter.fire()
    }
  }

  private static func frame(
    _ method: MethodDescriptor,
    _ sender: CarrierPair.End,
    _ message: [UInt8]
  ) -> Frame? {
    switch (method.method, sender) {
    case ("OpenTunnel", .client), ("OpenReverseTunnel", .server):
      (try? ClientFrame(decoding: message)).map { .fromTunnelClient($0) }
    case ("OpenTunnel", .server), ("OpenReverseTunnel", .client):
      (try? ServerFrame(decoding: message)).map { .fromTunnelServer($0) }
    default:
      nil
    }
  }
}
