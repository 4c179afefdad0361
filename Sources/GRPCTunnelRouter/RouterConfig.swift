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

/// Where a router listens, and its limits.
package struct RouterConfig: Hashable, Sendable {
  /// Where agents open their tunnels; with port 0 the system chooses one.
  package var tunnelAddress: NetworkAddress

  /// Where callers make RPCs; with port 0 the system chooses one.
  package var callerAddress: NetworkAddress

  /// The largest message that is forwarded, in bytes.
  package var maximumMessageSize: Int

  /// How long RPCs may go on once the router shuts down.
  package var drainTimeout: Duration

  /// The least severe messages that are logged.
  package var logLevel: Logger.Level

  /// Messages of up to 4 MiB, gRPC's own limit, and 30 s to drain.
  package init(tunnelAddress: NetworkAddress, callerAddress: NetworkAddress) {
    self.tunnelAddress = tunnelAddress
    self.callerAddress = callerAddress
    self.maximumMessageSize = 4 * 1024 * 1024
    self.drainTimeout = .seconds(30)
    self.logLevel = .info
  }
}

extension RouterConfig {
  /// Reads the settings of a router.
  ///
  /// - Throws: ``ConfigurationError`` with everything that is wrong.
  package init(_ settings: Settings) throws(ConfigurationError) {
    var reader = SettingsReader(settings)
    let tunnelAddress = reader.value(of: .tunnelAddress, NetworkAddress.init(_:))
    let callerAddress = reader.value(of: .address, NetworkAddress.init(_:))
    let maximumMessageSize = reader.value(of: .maximumMessageSize, SettingValue.size)
    let drainTimeout = reader.value(of: .drainTimeout, SettingValue.duration)
    let logLevel = reader.value(of: .logLevel, SettingValue.logLevel)
    guard let tunnelAddress, let callerAddress, let maximumMessageSize, let drainTimeout,
      let logLevel
    else {
      throw ConfigurationError(reader.problems)
    }
    self.init(tunnelAddress: tunnelAddress, callerAddress: callerAddress)
    self.maximumMessageSize = maximumMessageSize
    self.drainTimeout = drainTimeout
    self.logLevel = logLevel
    reader.add(self.problems)
    try reader.finish()
  }

  /// What cannot be, though each value is right for itself.
  var problems: [String] {
    var problems: [String] = []
    if self.tunnelAddress == self.callerAddress, self.tunnelAddress.port != 0 {
      problems.append("\(self.tunnelAddress) cannot be the address for agents and that for callers")
    }
    return problems
  }
}
