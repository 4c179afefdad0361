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

internal import GRPCTunnel
package import GRPCCore

/// Where an RPC goes, and for how long it may.
package struct RPCDestination<Upstream: ClientTransport>: Sendable {
  package var upstream: Upstream

  /// Ends with the RPC, and may end it; nil for an RPC that nobody else is interested in.
  package var permit: RPCPermit?

  /// Awaited before the RPC is started; nil when there is nothing to wait for. Its task is cancelled
  /// when the RPC has ended before.
  package var waitUntilReady: (@Sendable () async -> Void)?

  /// Turns the error of an RPC that did not reach the other side into the caller's.
  package var unreachable: @Sendable (RPCError) -> RPCError = { $0 }

  /// Called when the other side has answered the RPC.
  package var reached: @Sendable () -> Void = {}

  package init(_ upstream: Upstream, permit: RPCPermit? = nil) {
    self.upstream = upstream
    self.permit = permit
  }
}

/// The permission for one RPC to go on, which can be revoked.
package final class RPCPermit: Sendable {
  private let error = LockedValue<RPCError?>(nil)
  private let revoked = OneShotEvent()
  private let onReturn: @Sendable () -> Void

  /// - Parameter onReturn: Called once, when the RPC has ended.
  package init(onReturn: @escaping @Sendable () -> Void) {
    self.onReturn = onReturn
  }

  /// Ends the RPC with an error; the first one counts.
  package func revoke(_ error: RPCError) {
    self.error.withLock { $0 = $0 ?? error }
    self.revoked.fire()
  }

  /// Suspends until the permission is revoked.
  ///
  /// - Returns: nil when the task was cancelled before.
  func revocation() async -> RPCError? {
    do {
      try await self.revoked.wait()
    } catch {
      return nil
    }
    return self.error.withLock { $0 }
  }

  /// The RPC has ended.
  func giveBack() {
    self.onReturn()
  }
}
