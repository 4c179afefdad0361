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

/// Something that happened to a reverse tunnel.
///
/// The events of one tunnel come in the order of the cases; a tunnel that was never opened has none.
public enum ReverseTunnelEvent<Key: Hashable & Sendable>: Sendable {
  /// The tunnel was opened and takes RPCs.
  case opened(TunnelInformation, key: Key)

  /// The tunnel takes no more RPCs, since one of its ends drains it; those that are open go on. A
  /// tunnel need not drain before it closes.
  case draining(TunnelInformation, key: Key, side: TunnelClosure.Side)

  /// The tunnel has ended.
  case closed(TunnelInformation, key: Key, closure: TunnelClosure)

  /// So many events were dropped here, since too many waited to be read. What the tunnels have come to
  /// shows in ``ReverseTunnels/tunnels``.
  case missed(Int)
}
