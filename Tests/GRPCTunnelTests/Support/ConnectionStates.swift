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

internal import GRPCTunnel

extension TunnelConnectionState {
  var isReady: Bool {
    if case .ready = self { true } else { false }
  }

  var isBackingOff: Bool {
    if case .backingOff = self { true } else { false }
  }

  var isStopped: Bool {
    if case .stopped = self { true } else { false }
  }

  /// The tunnel that is open.
  var tunnel: TunnelInformation? {
    if case .ready(_, let tunnel, _) = self { tunnel } else { nil }
  }

  /// The tunnel that the one that is open took the place of.
  var replacedTunnel: TunnelID? {
    if case .ready(_, _, let replaced) = self { replaced } else { nil }
  }
}

extension AsyncStream {
  /// The first element that is like this.
  func firstElement(where isWanted: (Element) -> Bool) async throws -> Element {
    for await element in self where isWanted(element) {
      return element
    }
    throw EndedTooEarly()
  }
}

struct EndedTooEarly: Error {}
