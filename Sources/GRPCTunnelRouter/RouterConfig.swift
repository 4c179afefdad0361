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

  /// How the address for agents is secured.
  package var tunnelSecurity: ListenerSecurity

  /// How the address for callers is secured.
  package var callerSecurity: ListenerSecurity

  /// The file of rules for what identities may do; nil when there are none.
  package var accessRules: String?

  /// Whether addresses may be open to other machines without being secured.
  package var isInsecureAllowed: Bool

  /// How RPCs find their ways.
  package var routing: RoutingConfig

  /// How often files are looked at for changes.
  package var reloadInterval: Duration

  /// The largest message that is forwarded, in bytes.
  package var maximumMessageSize: Int

  /// How long RPCs may go on once the router shuts down.
  package var drainTimeout: Duration

  /// Where it tells about itself; nil when it does not.
  package var admin: AdminConfig?

  /// The least severe messages that are logged.
  package var logLevel: Logger.Level

  /// Not secured; messages of up to 4 MiB, gRPC's own limit, and 30 s to drain.
  package init(tunnelAddress: NetworkAddress, callerAddress: NetworkAddress) {
    self.tunnelAddress = tunnelAddress
    self.callerAddress = callerAddress
    self.tunnelSecurity = ListenerSecurity()
    self.callerSecurity = ListenerSecurity()
    self.isInsecureAllowed = false
    self.routing = RoutingConfig()
    self.reloadInterval = .seconds(10)
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
    let nowhere = NetworkAddress(host: "", port: 0)
    // What is missing, or is no value, is a problem; then none of this is used.
    self.init(
      tunnelAddress: reader.value(of: .tunnelAddress, NetworkAddress.init(_:)) ?? nowhere,
      callerAddress: reader.value(of: .address, NetworkAddress.init(_:)) ?? nowhere
    )
    let certificate = reader.certificate(.certificate, .privateKey)
    self.tunnelSecurity.certificate =
      reader.certificate(.tunnelCertificate, .tunnelPrivateKey) ?? certificate
    self.tunnelSecurity.clientAuthorities = reader.value(of: .agentAuthorities, SettingValue.path)
    self.tunnelSecurity.tokens = reader.value(of: .agentTokens, SettingValue.path)
    self.callerSecurity.certificate = certificate
    self.callerSecurity.clientAuthorities = reader.value(of: .callerAuthorities, SettingValue.path)
    self.callerSecurity.tokens = reader.value(of: .callerTokens, SettingValue.path)
    self.accessRules = reader.value(of: .accessRules, SettingValue.path)
    self.isInsecureAllowed = reader.isOn(.insecure)
    self.routing.authorityPattern = reader.value(of: .authorityPattern, AuthorityPattern.init(_:))
    self.routing.defaultKey = reader.value(of: .defaultKey, SettingValue.key)
    self.routing.identityHeader = reader.value(of: .identityHeader, SettingValue.header)
    reader.set(&self.routing.picker, to: .picker, SettingValue.picker)
    reader.set(&self.routing.waitForTunnel, to: .waitForTunnel, SettingValue.duration)
    reader.set(&self.routing.maximumTunnelsPerKey, to: .maximumTunnelsPerKey, SettingValue.count)
    reader.set(&self.routing.maximumRPCsPerKey, to: .maximumRPCsPerKey, SettingValue.count)
    reader.set(&self.reloadInterval, to: .reloadInterval, SettingValue.interval)
    reader.set(&self.maximumMessageSize, to: .maximumMessageSize, SettingValue.size)
    reader.set(&self.drainTimeout, to: .drainTimeout, SettingValue.duration)
    self.admin = reader.admin()
    reader.set(&self.logLevel, to: .logLevel, SettingValue.logLevel)
    if reader.problems.isEmpty { reader.add(self.problems) }
    try reader.finish()
  }

  /// What cannot be, though each value is right for itself.
  var problems: [String] {
    var problems: [String] = []
    if self.tunnelAddress == self.callerAddress, self.tunnelAddress.port != 0 {
      problems.append("\(self.tunnelAddress) cannot be the address for agents and that for callers")
    }
    problems += self.tunnelSecurity.problems(
      of: self.tunnelAddress,
      setting: .tunnelAddress,
      (.agentAuthorities, .agentTokens),
      isInsecureAllowed: self.isInsecureAllowed
    )
    problems += self.callerSecurity.problems(
      of: self.callerAddress,
      setting: .address,
      (.callerAuthorities, .callerTokens),
      isInsecureAllowed: self.isInsecureAllowed
    )
    problems +=
      self.admin?.problems(
        isEncrypted: self.callerSecurity.certificate != nil,
        isInsecureAllowed: self.isInsecureAllowed,
        remedy:
          "\(Setting.certificate.flag) and \(Setting.privateKey.flag), or \(Setting.insecure.flag)"
      ) ?? []
    return problems
  }
}
