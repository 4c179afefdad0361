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

internal import Foundation

/// Reverse tunnels that a server process is to open: an order that it takes while it runs.
struct DialOrder: Codable, Sendable {
  var settings: TransportSettings
  var port: Int

  /// How many tunnels there are in all.
  var tunnels: Int

  /// How many of them share a connection.
  var tunnelsPerConnection: Int

  /// The key of the first tunnel; the others count up from it.
  var firstKey = 0

  /// The metadata that holds the key of a tunnel.
  static let keyHeader = "bench-key"

  var bytes: [UInt8] {
    get throws { [UInt8](try JSONEncoder().encode(self)) }
  }

  init(settings: TransportSettings, port: Int, tunnels: Int, tunnelsPerConnection: Int) {
    self.settings = settings
    self.port = port
    self.tunnels = tunnels
    self.tunnelsPerConnection = tunnelsPerConnection
  }

  init(bytes: [UInt8]) throws {
    self = try JSONDecoder().decode(DialOrder.self, from: Data(bytes))
  }
}
