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

/// The services that agents have announced, by the tunnels through which they are offered.
struct AnnouncedServices<ID: Hashable & Sendable>: Sendable {
  private struct Announcement: Sendable {
    var key: String
    var services: [String]
  }

  private var announcements: [ID: Announcement] = [:]
  /// How many tunnels of each key have announced a service.
  private var keys: [String: [String: Int]] = [:]

  /// A tunnel is open.
  ///
  /// - Parameter services: Each once.
  mutating func add(_ id: ID, key: String, services: [String]) {
    if services.isEmpty { return }
    self.announcements[id] = Announcement(key: key, services: services)
    for service in services {
      self.keys[service, default: [:]][key, default: 0] += 1
    }
  }

  /// A tunnel has ended.
  mutating func remove(_ id: ID) {
    guard let ended = self.announcements.removeValue(forKey: id) else { return }
    for service in ended.services {
      guard let count = self.keys[service]?[ended.key] else { continue }
      self.keys[service]?[ended.key] = count > 1 ? count - 1 : nil
      if self.keys[service]?.isEmpty ?? false {
        self.keys.removeValue(forKey: service)
      }
    }
  }

  /// The keys under which a service was announced, sorted.
  func keys(forService service: String) -> [String] {
    self.keys[service].map { $0.keys.sorted() } ?? []
  }

  /// Whether nothing is kept.
  var isEmpty: Bool {
    self.announcements.isEmpty && self.keys.isEmpty
  }
}
