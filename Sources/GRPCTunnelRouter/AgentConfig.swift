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
  /// The routers' addresses for agents: at least one.
  package var routers: [NetworkAddress]

  /// How the connections to routers are secured.
  package var routerSecurity: PeerSecurity

  /// The file with the token for the routers.
  package var tokenFile: String?

  /// The token for the routers, if it is not in a file.
  package var token: Secret?

  /// Whether routers on other machines may be dialled without TLS.
  package var isInsecureAllowed: Bool

  /// The key under which callers find the server.
  package var key: String

  /// The server that RPCs are forwarded to.
  package var upstream: NetworkAddress

  /// How the connections to the server are secured.
  package var upstreamSecurity: PeerSecurity

  /// How often files are looked at for changes.
  package var reloadInterval: Duration

  /// The largest message that is forwarded, in bytes.
  package var maximumMessageSize: Int

  /// How long RPCs may go on once the agent shuts down.
  package var drainTimeout: Duration

  /// Where it tells about itself; nil when it does not.
  package var admin: AdminConfig?

  /// The least severe messages that are logged.
  package var logLevel: Logger.Level

  /// Not secured; messages of up to 4 MiB, gRPC's own limit, and 30 s to drain.
  package init(routers: [NetworkAddress], key: String, upstream: NetworkAddress) {
    self.routers = routers
    self.routerSecurity = PeerSecurity()
    self.isInsecureAllowed = false
    self.key = key
    self.upstream = upstream
    self.upstreamSecurity = PeerSecurity()
    self.reloadInterval = .seconds(10)
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
    // What is missing, or is no value, is a problem; then none of this is used.
    self.init(
      routers: reader.values(of: .router, SettingValue.target),
      key: reader.value(of: .key, SettingValue.key) ?? "",
      upstream: reader.value(of: .upstream, SettingValue.target)
        ?? NetworkAddress(host: "", port: 0)
    )
    self.routerSecurity = reader.peerSecurity(Setting.routerSecurity)
    self.tokenFile = reader.value(of: .tokenFile, SettingValue.path)
    self.token = reader.value(of: .token, SettingValue.secret)
    self.isInsecureAllowed = reader.isOn(.agentInsecure)
    self.upstreamSecurity = reader.peerSecurity(Setting.upstreamSecurity)
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
    for router in self.routers
    where !router.isLoopback && !self.routerSecurity.usesTLS && !self.isInsecureAllowed {
      problems.append(
        """
        \(Setting.router.flag) \(router) is another machine, and the connection is not encrypted: \
        give \(Setting.routerSecurity.usesTLS.flag), or \(Setting.agentInsecure.flag)
        """
      )
    }
    if Set(self.routers).count < self.routers.count {
      problems.append("\(Setting.router.flag) has the same address twice")
    }
    if self.token != nil, self.tokenFile != nil {
      problems.append("\(Setting.tokenFile.flag) and \(Setting.token.variable) are both given")
    }
    problems +=
      self.admin?.problems(
        isEncrypted: false,
        isInsecureAllowed: self.isInsecureAllowed,
        remedy: Setting.agentInsecure.flag
      ) ?? []
    return problems
  }
}
