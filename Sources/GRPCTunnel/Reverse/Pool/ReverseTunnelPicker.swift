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

/// How a transport chooses among tunnels that take an RPC at once.
///
/// Tunnels that are being opened or drained are never chosen. Those that are full, whose peer has not
/// answered a liveness probe yet, or whose peer seems to be shutting down are not chosen as long as
/// they are. Where all tunnels are so, an RPC waits for the first of them to take it, in the order in
/// which the RPCs came, and whether or not its options say `waitForReady`.
public struct ReverseTunnelPicker: Hashable, Sendable, CustomStringConvertible {
  enum Strategy: String, Sendable {
    case roundRobin
    case leastOutstanding
  }

  let strategy: Strategy

  /// The tunnels take turns.
  public static var roundRobin: ReverseTunnelPicker {
    ReverseTunnelPicker(strategy: .roundRobin)
  }

  /// The tunnel that carries the fewest RPCs, of all transports of the same registry, is chosen;
  /// those that carry as many take turns. For RPCs whose lengths differ much.
  public static var leastOutstanding: ReverseTunnelPicker {
    ReverseTunnelPicker(strategy: .leastOutstanding)
  }

  /// The name of the strategy.
  public var description: String {
    self.strategy.rawValue
  }
}
