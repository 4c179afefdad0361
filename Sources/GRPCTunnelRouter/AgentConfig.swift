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
  package var routers: [RouterTarget]

  /// How often the names of routers are looked up, for those that stand for several.
  package var lookUpInterval: Duration

  /// How the connections to routers are secured.
  package var routerSecurity: PeerSecurity

  /// The file with the token for the routers.
  package var tokenFile: String?

  /// The token for the routers, if it is not in a file.
  package var token: Secret?

  /// Whether routers on other machines may be dialled without TLS.
  package var isInsecureAllowed: Bool

  /// The key under which callers find the servers that have no other; nil when all have.
  package var key: String?

  /// The servers that RPCs are forwarded to: at least one.
  package var upstreams: [UpstreamConfig]

  /// Whether routers are told the services that servers are for.
  package var announcesServices: Bool

  /// How often servers are asked how they are; nil not to ask, and take them to be ready.
  package var healthCheckInterval: Duration?

  /// How the connections to the servers are secured.
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

  /// Not secured; messages of up to 4 MiB, gRPC's own limit, and 30 s to drain. Servers are asked every
  /// 2 s, names are looked up every 30 s.
  package init(routers: [RouterTarget], key: String?, upstreams: [UpstreamConfig]) {
    self.routers = routers
    self.routerSecurity = PeerSecurity()
    self.isInsecureAllowed = false
    self.lookUpInterval = .seconds(30)
    self.key = key
    self.upstreams = upstreams
    self.announcesServices = false
    self.healthCheckInterval = .seconds(2)
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
      routers: reader.values(of: .router, RouterTarget.init(_:)),
      key: reader.value(of: .key, SettingValue.key),
      upstreams: reader.values(of: .upstream, UpstreamConfig.init(_:))
    )
    reader.set(&self.lookUpInterval, to: .lookUpInterval, SettingValue.interval)
    self.announcesServices = reader.isOn(.announceServices)
    self.healthCheckInterval = reader.value(of: .healthCheckInterval, SettingValue.interval)
    if !reader.isOn(.healthCheck) { self.healthCheckInterval = nil }
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
    if reader.problems.isEmpty {
      reader.add(self.problems)
    } else {
      reader.add(self.missingKey)
    }
    try reader.finish()
  }

  /// What cannot be, though each value is right for itself.
  var problems: [String] {
    var problems: [String] = []
    for router in self.routers
    where !router.address.isLoopback && !self.routerSecurity.usesTLS && !self.isInsecureAllowed {
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
    problems += self.missingKey
    if Set(self.upstreams.map { Place($0, in: self) }).count < self.upstreams.count {
      problems.append("\(Setting.upstream.flag) names two servers for the same key and service")
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

extension AgentConfig {
  private var missingKey: [String] {
    let isNeeded = self.upstreams.isEmpty || self.upstreams.contains { $0.key == nil }
    guard self.key == nil, isNeeded else { return [] }
    return ["\(Setting.key.flag) is missing: \(Setting.key.explanation)"]
  }

  /// The RPCs that a server gets: no two get the same.
  private struct Place: Hashable {
    var key: String?
    var service: String?

    init(_ upstream: UpstreamConfig, in config: AgentConfig) {
      self.key = upstream.key ?? config.key
      self.service = upstream.service
    }
  }

  /// The servers of each key, by their services.
  var upstreamsByKey: [String: [String?: UpstreamAddress]] {
    var result: [String: [String?: UpstreamAddress]] = [:]
    for upstream in self.upstreams {
      guard let key = upstream.key ?? self.key else { continue }
      result[key, default: [:]][upstream.service] = upstream.address
    }
    return result
  }
}
