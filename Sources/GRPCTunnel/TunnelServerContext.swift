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

public import GRPCCore

/// What a handler, or a server interceptor, learns of the tunnel through which its RPC came; see
/// `ServerContext.tunnel`.
public struct TunnelServerContext: ServerContext.TransportSpecific {
  /// The tunnel through which the RPC came.
  public var tunnel: TunnelInformation

  /// The carrier's own transport-specific context: in a tunnel over another one a
  /// ``TunnelServerContext`` again. Nil at the end that dialled, where transports have none.
  public var carrier: (any ServerContext.TransportSpecific)?

  /// The tunnel that carries this one; nil when it is carried by another transport.
  public var outerTunnel: TunnelServerContext? {
    self.carrier as? TunnelServerContext
  }

  /// The transport-specific context of the connection that carries the outermost tunnel, with for
  /// example the peer's certificate:
  ///
  /// ```swift
  /// let http2 = context.tunnel?.connection as? HTTP2ServerTransport.Posix.Context
  /// let certificate = http2?.peerCertificate
  /// ```
  ///
  /// Nil at the end that dialled, and for transports that have none.
  public var connection: (any ServerContext.TransportSpecific)? {
    var context = self
    while let outer = context.outerTunnel {
      context = outer
    }
    return context.carrier
  }
}

extension ServerContext {
  /// The tunnel through which the RPC came; nil when it came in another way.
  public var tunnel: TunnelServerContext? {
    self.transportSpecific as? TunnelServerContext
  }
}
