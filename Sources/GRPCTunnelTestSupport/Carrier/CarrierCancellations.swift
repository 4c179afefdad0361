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

/// The cancellation handles of a server's RPCs, all fired when the server shuts down.
final class CarrierCancellations: Sendable {
  private struct State {
    var handles: [ObjectIdentifier: ServerContext.RPCCancellationHandle] = [:]
    var isShuttingDown = false
  }

  private let state = LockedValue(State())

  func add(_ handle: ServerContext.RPCCancellationHandle, of stream: CarrierStream) {
    let isShuttingDown = self.state.withLock { state in
      state.handles[ObjectIdentifier(stream)] = handle
      return state.isShuttingDown
    }
    if isShuttingDown { handle.cancel() }
  }

  func remove(_ stream: CarrierStream) {
    _ = self.state.withLock { $0.handles.removeValue(forKey: ObjectIdentifier(stream)) }
  }

  func fireAll() {
    let handles = self.state.withLock { state in
      state.isShuttingDown = true
      return Array(state.handles.values)
    }
    for handle in handles {
      handle.cancel()
    }
  }
}
