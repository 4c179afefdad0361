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

package import GRPCCore

extension MethodDescriptor {
  /// Whether RPCs of the method are carriers of tunnels.
  package var isCarrier: Bool {
    self.service == Self.openTunnel.service
  }

  /// Opens a forward tunnel.
  static let openTunnel = MethodDescriptor(
    fullyQualifiedService: "grpctunnel.v1.TunnelService",
    method: "OpenTunnel",
    type: .bidirectionalStreaming
  )

  /// Opens a reverse tunnel.
  static let openReverseTunnel = MethodDescriptor(
    fullyQualifiedService: "grpctunnel.v1.TunnelService",
    method: "OpenReverseTunnel",
    type: .bidirectionalStreaming
  )
}
