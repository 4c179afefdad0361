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

internal import ArgumentParser
internal import GRPCTunnel

/// Checks that share a tunnel. The Python peer serves one tunnel only, so each group has a run of
/// its own.
enum CheckGroup: String, CaseIterable, ExpressibleByArgument {
  /// What works through a tunnel with default settings.
  case standard

  /// The limit of message sizes, which is within the window here: the peer can send beyond it.
  case limit

  /// What remains when the peer has stopped reading for good.
  case stopped

  var maximumMessageSize: Int {
    switch self {
    case .limit: 32_768
    case .standard, .stopped: TunnelConfig.Limits.defaults.maximumMessageSize
    }
  }

  var config: TunnelConfig {
    .defaults { $0.limits.maximumMessageSize = self.maximumMessageSize }
  }
}
