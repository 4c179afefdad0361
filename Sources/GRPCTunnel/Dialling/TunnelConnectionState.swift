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

/// What has become of a tunnel that a transport dials, and dials again.
public enum TunnelConnectionState: Sendable {
  /// Nothing was dialled yet.
  case idle

  /// The tunnel is being opened.
  case connecting

  /// The tunnel is open, and takes RPCs.
  ///
  /// - Parameters:
  ///   - since: When it opened.
  ///   - tunnel: What is known of it.
  ///   - replacing: The tunnel that was there before it, if it is not the first. At a
  ///     ``TunnelClientTransport`` this says that the server behind it may be another one, which
  ///     knows nothing of what the first was told.
  case ready(since: ContinuousClock.Instant, tunnel: TunnelInformation, replacing: TunnelID?)

  /// The tunnel was lost or not opened, and is dialled again later.
  ///
  /// - Parameters:
  ///   - lastError: Why there is no tunnel.
  ///   - nextAttempt: When it is dialled again.
  case backingOff(lastError: TunnelError, nextAttempt: ContinuousClock.Instant)

  /// No more RPCs are taken; the tunnel ends when those that are open have ended, or the drain
  /// timeout has passed.
  case draining

  /// There is no tunnel, and none will be dialled: after a graceful shutdown or a cancellation, or
  /// with the error that ended it.
  case stopped(TunnelError?)
}
