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

package import Logging

/// Where an agent connects to, and its limits.
package struct AgentConfig: Hashable, Sendable {
  /// The router's address for agents.
  package var router: NetworkAddress

  /// The key under which callers find the server.
  package var key: String

  /// The server that RPCs are forwarded to.
  package var upstream: NetworkAddress

  /// The largest message that is forwarded, in bytes.
  package var maximumMessageSize: Int

  /// How long RPCs may go on once the agent shuts down.
  package var drainTimeout: Duration

  /// The least severe messages that are logged.
  package var logLevel: Logger.Level

  /// Messages of up to 4 MiB, gRPC's own limit, and 30 s to drain.
  package init(router: NetworkAddress, key: String, upstream: NetworkAddress) {
    self.router = router
    self.key = key
    self.upstream = upstream
    self.maximumMessageSize = 4 * 1024 * 1024
    self.drainTimeout = .seconds(30)
    self.logLevel = .info
  }
}

extension AgentConfig {
  /// Reads the settings of an agent.
  ///
  /// - Throws: ``ConfigurationError`` with everything that is wrong.
  package init(_ settings: Settings) throws(ConfigurationError) {
    var reader = SettingsReader(settings)
    let router = reader.value(of: .router, SettingValue.target)
    let key = reader.value(of: .key, SettingValue.key)
    let upstream = reader.value(of: .upstream, SettingValue.target)
    let maximumMessageSize = reader.value(of: .maximumMessageSize, SettingValue.size)
    let drainTimeout = reader.value(of: .drainTimeout, SettingValue.duration)
    let logLevel = reader.value(of: .logLevel, SettingValue.logLevel)
    guard let router, let key, let upstream, let maximumMessageSize, let drainTimeout,
      let logLevel
    else {
      throw ConfigurationError(reader.problems)
    }
    self.init(router: router, key: key, upstream: upstream)
    self.maximumMessageSize = maximumMessageSize
    self.drainTimeout = drainTimeout
    self.logLevel = logLevel
    try reader.finish()
  }
}
