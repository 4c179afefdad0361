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

/// Something that went wrong with a tunnel as a whole, and so with more than one RPC.
public struct TunnelError: Error, Sendable {
  /// What kind of thing went wrong.
  public var code: Code

  /// What happened, to which tunnel, in words.
  public var message: String

  /// The error underneath: for a refused or lost carrier, its `RPCError`.
  public var cause: (any Error)?

  /// Creates an error.
  public init(code: Code, message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// The kinds of errors; there may be more in the future.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Wrapped: String {
      case carrierFailed
      case closedByPeer
      case peerFault
      case alreadyStarted
      case carrierPolicy
      case closedByApplication
    }

    private var wrapped: Wrapped

    private init(_ wrapped: Wrapped) {
      self.wrapped = wrapped
    }

    /// The name of the kind.
    public var description: String {
      self.wrapped.rawValue
    }

    /// The carrier was refused, could not be started, or broke.
    public static var carrierFailed: Code { Code(.carrierFailed) }

    /// The peer ended the tunnel in an orderly way.
    public static var closedByPeer: Code { Code(.closedByPeer) }

    /// The peer broke the protocol, or did not answer in time.
    public static var peerFault: Code { Code(.peerFault) }

    /// The transport was started a second time: transports run once.
    public static var alreadyStarted: Code { Code(.alreadyStarted) }

    /// A timeout, retry or hedging policy of the service config of the client that opens the tunnel
    /// applies to the tunnel's own RPC; the message says which, and what to do. Final: another
    /// attempt would end in the same way.
    public static var carrierPolicy: Code { Code(.carrierPolicy) }

    /// The application closed the tunnel, for the reason that is the cause.
    public static var closedByApplication: Code { Code(.closedByApplication) }
  }
}

extension TunnelError: CustomStringConvertible {
  /// The kind, the message and the cause.
  public var description: String {
    guard let cause = self.cause else { return "\(self.code): \(self.message)" }
    return "\(self.code): \(self.message) (\(cause))"
  }
}

extension TunnelError {
  /// nil when this end closed the tunnel because it was told to.
  init?(_ end: TunnelEnd) {
    if let error = end.error, error.cause is CarrierPolicy {
      self.init(code: .carrierPolicy, message: error.message, cause: error)
      return
    }
    if let closure = end.error?.cause as? ApplicationClosure {
      let reason = closure.reason
      self.init(code: .closedByApplication, message: reason.message, cause: reason)
      return
    }
    switch (end.initiator, end.error) {
    case (.local, .none):
      return nil
    case (.local, .some(let error)):
      self.init(code: .peerFault, message: error.message, cause: error)
    case (.remote, .none):
      self.init(code: .closedByPeer, message: "The peer ended the tunnel.")
    case (.remote, .some(let error)) where end.isShutdownOfGoPeer:
      self.init(code: .closedByPeer, message: "The peer is shutting down.", cause: error)
    case (.remote, .some(let error)):
      let message = error.message.isEmpty ? "The carrier failed: \(error.code)." : error.message
      self.init(code: .carrierFailed, message: message, cause: error)
    }
  }
}

extension TunnelEnd {
  /// The application closes the tunnel, and the peer is to know why.
  static func application(_ reason: RPCError?) -> TunnelEnd {
    guard let reason else { return TunnelEnd(initiator: .local, error: nil) }
    let error = RPCError(
      code: reason.code,
      message: reason.message,
      metadata: reason.metadata,
      cause: ApplicationClosure(reason: reason)
    )
    return TunnelEnd(initiator: .local, error: error)
  }

  /// Whether this is how the tunnel of a Go peer ends that shuts down: it refuses a stream, then takes
  /// the next frame of that stream for a fault (PROTOCOL.md 8).
  fileprivate var isShutdownOfGoPeer: Bool {
    guard self.initiator == .remote, let error = self.error, error.code == .unknown else {
      return false
    }
    return error.message.contains("received frame for stream ID")
      && error.message.contains("never created")
  }
}

/// Tells a tunnel that the application closed from one that could not go on.
private struct ApplicationClosure: Error {
  let reason: RPCError
}
