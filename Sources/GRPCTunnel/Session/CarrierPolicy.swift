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

/// A policy of the network client's service config that applies to the RPC that carries a tunnel,
/// where none may: it would end the tunnel, buffer what goes through it, or carry it out twice.
///
/// A policy cannot be switched off for a single RPC, so it is looked for instead, at both ends, and
/// the tunnel fails with an error that names it. Trying again does not help.
struct CarrierPolicy: Error, Hashable, Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case timeout
    /// A retry or hedging policy.
    case retry
  }

  /// The trailer in which a network server that refuses the tunnel names the policy.
  private static let trailerKey = "grpctunnel-carrier-policy"

  private static let attemptsKey = "grpc-previous-rpc-attempts"

  let kind: Kind
  let method: MethodDescriptor

  init(_ kind: Kind, on method: MethodDescriptor) {
    self.kind = kind
    self.method = method
  }

  /// At the network server: looks for signs of a policy in a carrier's request.
  ///
  /// Only peers that offer extensions are looked at, which are known to have no deadline of their
  /// own. Others may give a carrier one, and may retry what was not answered.
  init?(request headers: Metadata, method: MethodDescriptor) {
    guard !CarrierHeaders(headers).extensions.isEmpty else { return nil }
    if headers.lastString(forKey: RPCTimeout.key) != nil {
      self.init(.timeout, on: method)
    } else if headers.lastString(forKey: Self.attemptsKey) != nil {
      self.init(.retry, on: method)
    } else {
      return nil
    }
  }

  /// At the network client: looks for signs of a policy in the response's metadata, to which
  /// GRPCCore adds the number of earlier attempts, or in the trailers of a refusal.
  init?(response metadata: Metadata, method: MethodDescriptor) {
    if let kind = metadata.lastString(forKey: Self.trailerKey).flatMap({ Kind(rawValue: $0) }) {
      self.init(kind, on: method)
    } else if metadata.lastString(forKey: Self.attemptsKey) != nil {
      self.init(.retry, on: method)
    } else {
      return nil
    }
  }

  /// At the network client: looks at where the request's messages go.
  ///
  /// GRPCCore keeps them in a sequence of its own, to replay them, when there is a retry or hedging
  /// policy, and only then. It has no public sign of that. Should the type have another name one day,
  /// a policy is still found when it makes an attempt again.
  init?(request writer: RPCWriter<some Sendable>, method: MethodDescriptor) {
    let isReplayed = Mirror(reflecting: writer).children.contains { child in
      String(reflecting: type(of: child.value)).contains("BroadcastAsyncSequence")
    }
    guard isReplayed else { return nil }
    self.init(.retry, on: method)
  }

  /// What ends the tunnel.
  var error: RPCError {
    let method = self.method.fullyQualifiedMethod
    let reason: String
    switch self.kind {
    case .timeout:
      reason = "A timeout policy applies to \(method), and would end the tunnel with that RPC."
    case .retry:
      reason = """
        A retry or hedging policy applies to \(method), but an RPC that carries a tunnel cannot be \
        carried out twice.
        """
    }
    return RPCError(
      code: .failedPrecondition,
      message: """
        \(reason) The service config of the client that opens the tunnel must not name this method, \
        its service, or all methods: give the policy to the services that need it.
        """,
      metadata: [Self.trailerKey: .string(self.kind.rawValue)],
      cause: self
    )
  }
}
