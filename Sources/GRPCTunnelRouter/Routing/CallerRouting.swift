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

/// Decides for each RPC of a caller whether it is let through, and where it goes.
final class CallerRouting: Sendable {
  private let config: RoutingConfig
  private let access: AccessControl
  private let tunnels: ReverseTunnels<String>
  private let announced: LockedValue<AnnouncedServices<TunnelID>>
  private let counts: LockedValue<OpenRPCCounts>
  private let calls: OpenCalls
  private let clock: TunnelClock
  /// Grows with each RPC that may go to several keys, which so take turns.
  private let turn = LockedValue(0)

  init(
    config: RoutingConfig,
    access: AccessControl,
    tunnels: ReverseTunnels<String>,
    announced: LockedValue<AnnouncedServices<TunnelID>>,
    clock: TunnelClock = .continuous
  ) {
    self.config = config
    self.access = access
    self.tunnels = tunnels
    self.announced = announced
    self.counts = LockedValue(OpenRPCCounts(maximum: config.maximumRPCsPerKey))
    self.calls = OpenCalls()
    self.clock = clock
  }

  /// - Throws: Why the RPC is not let through.
  func route(
    _ head: inout RPCRequestHead
  ) throws(RPCError) -> RPCDestination<ReverseTunnelClientTransport> {
    let certificate = Identity.names(in: head.context.transportSpecific)
    let (original, method, access) = (head.metadata, head.descriptor, self.access)
    let identity = try access.identifyCaller(&head.metadata, certificate: certificate)
    let keys = try self.config.keys(
      for: method,
      metadata: &head.metadata,
      authority: head.authority,
      announced: { service in self.announced.withLock { $0.keys(forService: service) } }
    )
    let key = try self.choose(keys, for: identity, method)
    if let header = self.config.identityHeader {
      // Whatever the caller has written there is gone.
      head.metadata.removeAllValues(forKey: header)
      head.metadata.addString(identity.description, forKey: header)
    }
    try self.startRPC(key)
    // Checked by being added: what the caller may do can have changed since it was looked at.
    let permit = try self.calls.add { () throws(RPCError) in
      var metadata = original
      let identity = try access.identifyCaller(&metadata, certificate: certificate)
      try access.checkCall(by: identity, key: key, method: method)
    } onReturn: {
      self.counts.withLock { $0.end(key) }
    }
    var destination = RPCDestination(
      self.tunnels.transport(forKey: key, picker: self.config.picker),
      permit: permit
    )
    if self.config.waitForTunnel > .zero {
      destination.waitUntilReady = { await self.waitForTunnel(key) }
    }
    return destination
  }

  /// One of the keys that the caller may call; one that has a tunnel, if there is any.
  private func choose(
    _ keys: [String],
    for identity: Identity,
    _ method: MethodDescriptor
  ) throws(RPCError) -> String {
    if keys.count == 1 {
      try self.access.checkCall(by: identity, key: keys[0], method: method)
      return keys[0]
    }
    let turn = self.turn.withLock { turn in
      turn &+= 1
      return Int(UInt(bitPattern: turn) % UInt(keys.count))
    }
    var denial: RPCError?
    var permitted: [String] = []
    for key in keys[turn...] + keys[..<turn] {
      do throws(RPCError) {
        try self.access.checkCall(by: identity, key: key, method: method)
        permitted.append(key)
      } catch {
        denial = denial ?? error
      }
    }
    if let key = permitted.first(where: { self.tunnels.isReady(forKey: $0) }) ?? permitted.first {
      return key
    }
    throw denial ?? RPCError(code: .unavailable, message: "There is no tunnel for \(method).")
  }

  /// The lock's closure has no typed error.
  private func startRPC(_ key: String) throws(RPCError) {
    let result = self.counts.withLock { counts in
      Result { () throws(RPCError) in try counts.start(key) }
    }
    try result.get()
  }

  /// Suspends until the key has a tunnel, or as long as RPCs wait for one.
  private func waitForTunnel(_ key: String) async {
    if self.tunnels.isReady(forKey: key) { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.tunnels.waitUntilReady(forKey: key) }
      group.addTask { try? await self.clock.sleep(self.clock.now() + self.config.waitForTunnel) }
      await group.next()
      group.cancelAll()
    }
  }

  /// Ends the RPCs that their callers may not make any more.
  ///
  /// - Returns: How many there were.
  func enforceRights() -> Int {
    self.calls.checkAll()
  }
}
