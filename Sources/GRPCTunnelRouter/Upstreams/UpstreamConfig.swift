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

/// A server behind an agent, and the RPCs that it gets.
package struct UpstreamConfig: Hashable, Sendable {
  package var address: UpstreamAddress

  /// The key under which callers find it; nil for the agent's own.
  package var key: String?

  /// The service whose RPCs it gets, with its package; nil for those of all services that no other
  /// server of the key gets.
  package var service: String?

  package init(_ address: UpstreamAddress, key: String? = nil, service: String? = nil) {
    self.address = address
    self.key = key
    self.service = service
  }

  /// Reads `ADDRESS`, or `[KEY][/SERVICE]=ADDRESS`.
  package init(_ text: String) throws(SettingValueError) {
    // A path may have any characters in it.
    guard !text.hasPrefix("unix:"), let sign = text.firstIndex(of: "=") else {
      self.init(try UpstreamAddress(text))
      return
    }
    let parts = text[..<sign].split(
      separator: "/",
      maxSplits: 1,
      omittingEmptySubsequences: false
    )
    self.init(try UpstreamAddress(String(text[text.index(after: sign)...])))
    if !parts[0].isEmpty { self.key = try SettingValue.key(String(parts[0])) }
    if parts.count == 2 { self.service = try SettingValue.service(String(parts[1])) }
    if self.key == nil, self.service == nil {
      throw SettingValueError(
        text: text,
        reason: "names neither a key nor a service before the '='"
      )
    }
  }
}
