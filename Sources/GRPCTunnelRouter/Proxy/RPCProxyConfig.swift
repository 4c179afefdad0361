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

/// What a proxy keeps to, and what it is called.
package struct RPCProxyConfig: Sendable {
  /// Names this end of the way in errors: "router".
  package var hop: String

  /// The largest message that is forwarded, in bytes; a larger one ends its RPC with
  /// `resourceExhausted`.
  package var maximumMessageSize: Int

  package init(hop: String, maximumMessageSize: Int) {
    self.hop = hop
    self.maximumMessageSize = maximumMessageSize
  }

  /// What tunnels are to let through, so that a message that is a little too large is refused with an
  /// error that names this end.
  static func tunnelLimit(forMessagesOf size: Int) -> Int {
    size + 1024 * 1024
  }

  /// What transports are to let through, so that a message that is too large is refused with a
  /// status. A message that the transport refuses ends its stream without one.
  package static func transportLimit(forMessagesOf size: Int) -> Int {
    max(4 * size, size + 1024 * 1024)
  }
}
