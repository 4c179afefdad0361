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

/// What a server process is to do; travels as an argument.
struct ServerPlan: Codable, Sendable {
  /// A port to listen on.
  struct Listener: Codable, Sendable {
    var settings: TransportSettings
    /// Whether tunnels are taken there, or direct RPCs.
    var isForTunnels: Bool
  }

  var listeners: [Listener] = []

  /// The streams of a connection, and of a tunnel.
  var maximumStreams = 1024

  /// The process ends itself after this many seconds.
  var timeLimit = 3600

  var argument: String {
    get throws { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }
  }

  init() {}

  init(argument: String) throws {
    self = try JSONDecoder().decode(ServerPlan.self, from: Data(argument.utf8))
  }
}
