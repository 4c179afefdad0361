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

/// Who may do what at a router, with what its files say at the moment.
final class AccessControl: Sendable {
  struct Rights: Sendable {
    var agents: Authenticator
    var callers: Authenticator
    /// nil when there is no file of rules.
    var rules: AccessRules?
  }

  private let rights: LockedValue<Rights>

  init(_ rights: Rights) {
    self.rights = LockedValue(rights)
  }

  func update(_ change: (inout Rights) -> Void) {
    self.rights.withLock { change(&$0) }
  }

  /// Finds out which agent it is, and that it may register its key and announce its services.
  ///
  /// - Throws: `unauthenticated` or `permissionDenied`.
  func checkAgent(
    _ metadata: Metadata,
    certificate: [String],
    _ registration: AgentRegistration
  ) throws(RPCError) {
    let (key, services) = (registration.key, registration.services)
    let rights = self.rights.withLock { $0 }
    var metadata = metadata
    let identity = try rights.agents.identify(&metadata, certificate: certificate)
    let isPermitted =
      rights.rules.map { $0.mayRegister(identity, key: key, services: services) }
      // Without rules an agent registers what it is called, and takes RPCs of nobody else.
      ?? (identity == .anonymous
        || services.isEmpty && identity.plainNames.contains { $0 == key })
    if !isPermitted {
      let names = services.isEmpty ? "" : ", or not announce \(services.joined(separator: ", "))"
      throw RPCError(
        code: .permissionDenied,
        message: "'\(identity)' may not register the key '\(key)'\(names)."
      )
    }
  }

  /// What the agent is called that has registered with this metadata, for people to read.
  ///
  /// - Returns: nil when it need not prove who it is, or cannot any more.
  func nameOfAgent(_ metadata: Metadata, certificate: [String]) -> String? {
    let agents = self.rights.withLock { $0.agents }
    var metadata = metadata
    guard let identity = try? agents.identify(&metadata, certificate: certificate) else {
      return nil
    }
    return identity == .anonymous ? nil : "\(identity)"
  }

  /// Tells which caller it is, and removes what proved it from the metadata.
  ///
  /// - Throws: `unauthenticated`.
  func identifyCaller(
    _ metadata: inout Metadata,
    certificate: [String]
  ) throws(RPCError) -> Identity {
    let callers = self.rights.withLock { $0.callers }
    return try callers.identify(&metadata, certificate: certificate)
  }

  /// Checks that a caller may call a method of the server with a key.
  ///
  /// - Throws: `permissionDenied`.
  func checkCall(
    by identity: Identity,
    key: String,
    method: MethodDescriptor
  ) throws(RPCError) {
    // Without rules, whoever is let in may call everything.
    guard let rules = self.rights.withLock({ $0.rules }) else { return }
    if !rules.mayCall(identity, key: key, method: method) {
      throw RPCError(
        code: .permissionDenied,
        message: "'\(identity)' may not call \(method) of '\(key)'."
      )
    }
  }
}
