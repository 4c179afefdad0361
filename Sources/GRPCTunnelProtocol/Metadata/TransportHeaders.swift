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

/// Headers that belong to one hop and never travel through a tunnel (PROTOCOL.md 4).
package enum TransportHeaders {
  /// Whether metadata with this key, in lower case, is the application's to send and receive.
  ///
  /// The deadline is not: each hop writes its own, see ``RPCTimeout``.
  package static func isApplicationKey(_ key: String) -> Bool {
    if key.utf8.first == UInt8(ascii: ":") { return false }
    switch key {
    case "te", "content-type", "content-length", "host":
      return false
    case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
      return false
    case "grpc-encoding", "grpc-accept-encoding", "grpc-status", "grpc-message":
      return false
    case RPCTimeout.key:
      return false
    default:
      return !key.hasPrefix(Self.carrierPrefix)
    }
  }

  /// Whether metadata with this key, in lower case, belongs to a carrier: what its two ends agree on.
  package static func isCarrierKey(_ key: String) -> Bool {
    key.hasPrefix(Self.carrierPrefix) && key != Self.tunnelIDKey
  }

  /// Names the tunnel in the responses that come through it; each end says it for itself.
  package static let tunnelIDKey = "grpctunnel-tunnel-id"

  private static let carrierPrefix = "grpctunnel-"
}
