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

extension TunnelSession {
  /// What is known of the tunnel; nil until it is open.
  var information: TunnelInformation? {
    self.state.withLock { $0.lifetime.information }
  }

  /// The context of an RPC of this tunnel.
  func clientContext(for descriptor: MethodDescriptor) -> ClientContext {
    let peers = self.state.withLock { $0.lifetime.peersOfRPCs }
    return ClientContext(descriptor: descriptor, remotePeer: peers.remote, localPeer: peers.local)
  }

  /// Starts the time that the peer has to open the tunnel.
  func startConnecting(_ start: (inout Machine, _ now: Duration) -> Void) {
    let now = self.clock.now()
    self.state.withLock { $0.lifetime.startConnecting(now: now) }
    self.update { machine in
      start(&machine, now)
      return ((), .nothing)
    }
  }

  /// Tells the observer, and `note`, what becomes of the tunnel, and returns when it has ended.
  ///
  /// Cancellation does not end the wait: it closes the tunnel.
  @inline(never)  // Where it is a part of what runs a tunnel, that takes more memory than both do.
  func observeUntilClosed(note: (TunnelLifetime) -> Void = { _ in }) async {
    var observer = self.observer
    while let step = self.observe(with: &observer, note) {
      await self.suspendObserver(at: step)
    }
  }

  /// - Returns: The step that was observed; nil when it was the last.
  @inline(never)  // Else what this takes stays in the task that waits.
  private func observe(
    with observer: inout TunnelObserver,
    _ note: (TunnelLifetime) -> Void
  ) -> Int? {
    let (lifetime, figures) = self.state.withLock { ($0.lifetime, $0.machine.figures) }
    let hasEnded = observer.report(lifetime, figures)
    note(lifetime)
    return hasEnded ? nil : lifetime.step
  }

  /// Suspends until more has become of the tunnel.
  private func suspendObserver(at step: Int) async {
    await withTunnelContinuation { continuation in
      let mustGoOn = self.state.withLock { state in
        if state.lifetime.step != step { return true }
        state.observer = continuation
        return false
      }
      if mustGoOn { continuation.resume() }
    }
  }
}
