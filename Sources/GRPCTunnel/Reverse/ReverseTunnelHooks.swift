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

/// What an application has called when tunnels come and go.
struct ReverseTunnelHooks<Key: Hashable & Sendable>: Sendable {
  typealias OnOpen = @Sendable (TunnelInformation, Key) async throws -> Void
  typealias OnClose = @Sendable (TunnelInformation, Key, TunnelClosure) async -> Void

  var onOpen: OnOpen?
  var onClose: OnClose?

  /// Runs a tunnel with its hooks.
  ///
  /// - Parameters:
  ///   - offer: Called when the tunnel is open and `onOpen`, if there is one, has returned.
  ///   - run: Runs the tunnel until it has ended.
  func run(
    _ tunnel: ReverseTunnel,
    key: Key,
    offer: @escaping @Sendable () -> Void,
    _ run: () async throws -> Void
  ) async throws {
    // The tunnels that the application has heard of.
    let isKnown = LockedValue(false)
    let result: Result<Void, any Error>
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        if self.onOpen != nil || self.onClose != nil {
          group.addTask { await self.open(tunnel, key, isKnown, offer) }
        }
        defer { group.cancelAll() }
        try await run()
      }
      result = .success(())
    } catch {
      result = .failure(error)
    }
    if isKnown.withLock({ $0 }) { await self.close(tunnel, key) }
    try result.get()
  }

  @inline(never)  // Else what this takes stays in the task that runs the tunnel.
  private func close(_ tunnel: ReverseTunnel, _ key: Key) async {
    if let onClose = self.onClose, let information = tunnel.session.information,
      let end = tunnel.session.inspect({ $0.closure })
    {
      await onClose(information, key, TunnelClosure(end))
    }
  }

  private func open(
    _ tunnel: ReverseTunnel,
    _ key: Key,
    _ isKnown: LockedValue<Bool>,
    _ offer: () -> Void
  ) async {
    try? await tunnel.settled.wait()
    guard let information = tunnel.session.information else { return }
    isKnown.withLock { $0 = true }
    guard let onOpen = self.onOpen else { return }
    do {
      try await onOpen(information, key)
      offer()
    } catch {
      let error =
        (error as? any RPCErrorConvertible).map { RPCError($0) }
        ?? RPCError(code: .unknown, message: "The server did not take the tunnel.")
      tunnel.session.close(.application(error))
    }
  }
}
