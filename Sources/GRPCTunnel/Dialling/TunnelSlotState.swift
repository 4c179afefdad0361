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

/// What has become of one of the tunnels that a ``ReverseTunnelServerTransport`` keeps up.
public struct TunnelSlotState: Sendable {
  /// The server that is dialled, as `String(describing:)` names its endpoint; empty for a transport
  /// that dials with one client.
  public var endpoint: String

  /// Which of the endpoint's tunnels it is, from 0.
  public var slot: Int

  /// What has become of it.
  public var state: TunnelConnectionState

  /// What this end has done in its latest tunnel; nil when there is none, not even one that is being
  /// opened.
  public var statistics: TunnelStatistics?
}
