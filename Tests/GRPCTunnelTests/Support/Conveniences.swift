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

internal import GRPCCore
internal import GRPCTunnel
internal import GRPCTunnelTestSupport

extension [UInt8] {
  /// Bytes that differ from place to place.
  init(pattern count: Int) {
    self = (0 ..< count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  }
}

extension ControlReply {
  /// The messages as text.
  var text: [String] {
    self.messages.map { String(decoding: $0, as: UTF8.self) }
  }
}

extension Metadata {
  func strings(_ key: String) -> [String] {
    Array(self[stringValues: key])
  }

  func binaries(_ key: String) -> [[UInt8]] {
    Array(self[binaryValues: key])
  }
}

/// Counts from any task.
final class Counter: Sendable {
  private let count = LockedValue(0)

  var value: Int {
    self.count.withLock { $0 }
  }

  func increment() {
    self.count.withLock { $0 += 1 }
  }
}

extension TunnelConfig {
  /// The defaults, with more time to open than a machine takes that runs all tests at once.
  static var patient: TunnelConfig {
    .defaults { $0.timeouts.handshake = .seconds(60) }
  }
}
