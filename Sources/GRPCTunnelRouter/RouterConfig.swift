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

/// Where a router listens, and its limits.
package struct RouterConfig: Sendable {
  /// Where agents open their tunnels; with port 0 the system chooses one.
  package var tunnelAddress: NetworkAddress

  /// Where callers make RPCs; with port 0 the system chooses one.
  package var callerAddress: NetworkAddress

  /// The largest message that is forwarded, in bytes.
  package var maximumMessageSize: Int

  /// How long RPCs may go on once the router shuts down.
  package var drainTimeout: Duration

  /// Messages of up to 4 MiB, gRPC's own limit, and 30 s to drain.
  package init(tunnelAddress: NetworkAddress, callerAddress: NetworkAddress) {
    self.tunnelAddress = tunnelAddress
    self.callerAddress = callerAddress
    self.maximumMessageSize = 4 * 1024 * 1024
    self.drainTimeout = .seconds(30)
  }
}
