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

/// What an admin address tells about, and acts on: a router or an agent.
package protocol AdminSource: Sendable {
  /// What there is now.
  func overview() async -> Overview

  /// Whether RPCs are forwarded; cheaper than ``overview()``.
  var state: Overview.State { get }

  /// The settings that count, as a file that could be given for them, without secrets.
  var configuration: String { get }

  /// Drains a tunnel.
  ///
  /// - Returns: Whether there is such a tunnel.
  func drain(_ id: String) -> Bool

  /// Closes a tunnel.
  ///
  /// - Parameter reason: What the person said who wants it; at most 200 characters.
  /// - Returns: Whether there is such a tunnel.
  func close(_ id: String, reason: String?) -> Bool
}
