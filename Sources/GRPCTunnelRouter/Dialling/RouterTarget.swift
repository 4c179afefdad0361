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

/// Which routers an agent dials: one at an address, or all that a name stands for.
package struct RouterTarget: Hashable, Sendable, CustomStringConvertible {
  package var address: NetworkAddress

  /// Whether there is a tunnel to each of the host's addresses, which are looked up again and again.
  package var isExpanded: Bool

  private static let prefix = "dns:"

  package init(_ address: NetworkAddress, isExpanded: Bool = false) {
    self.address = address
    self.isExpanded = isExpanded
  }

  /// Reads `HOST:PORT` or `dns:HOST:PORT`.
  package init(_ text: String) throws(SettingValueError) {
    let isExpanded = text.hasPrefix(Self.prefix)
    let address = isExpanded ? String(text.dropFirst(Self.prefix.count)) : text
    self.init(try SettingValue.target(address), isExpanded: isExpanded)
  }

  /// As it is written: what ``init(_:)`` reads.
  package var description: String {
    (self.isExpanded ? Self.prefix : "") + self.address.description
  }
}
