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

extension Setting {
  static let router = Setting(
    "router",
    .list,
    as: "address",
    isRequired: true,
    """
    A router's address for agents, as HOST:PORT. With several routers there is a tunnel to each. \
    dns:HOST:PORT stands for all addresses of a host, which are looked up again and again.
    """
  )

  static let lookUpInterval = Setting(
    "lookup-interval",
    .single,
    as: "duration",
    default: "30s",
    "How often the hosts of dns:HOST:PORT are looked up."
  )

  static let routerSecurity = PeerSecuritySettings("router")

  static let tokenFile = Setting(
    "token-file",
    .single,
    as: "file",
    "Holds the token that the router wants to see. Read again when it changes."
  )

  static let token = Setting(
    "token",
    .single,
    as: "token",
    isSecret: true,
    "The token itself, if it is not in a file."
  )

  static let key = Setting(
    "key",
    .single,
    as: "key",
    """
    The key by which callers choose this agent: printable ASCII characters. Required unless each \
    server has a key of its own.
    """
  )

  static let upstream = Setting(
    "upstream",
    .list,
    as: "server",
    isRequired: true,
    """
    The server that RPCs are forwarded to, as HOST:PORT or unix:PATH. Of several servers each has \
    the RPCs that it is for before its address: KEY=ADDRESS those of another key, \
    /SERVICE=ADDRESS those of a service, KEY/SERVICE=ADDRESS those of both.
    """
  )

  static let announceServices = Setting(
    "announce-services",
    .toggle,
    default: "false",
    """
    Tells routers the services that are named in --upstream: RPCs for them need no key. Where routers \
    know agents, their rules must permit it.
    """
  )

  static let healthCheck = Setting(
    "health-check",
    .toggle,
    default: "true",
    """
    Asks servers how they are, by grpc.health.v1 where they offer it. A key has tunnels only while one \
    of its servers is ready.
    """
  )

  static let healthCheckInterval = Setting(
    "health-check-interval",
    .single,
    as: "duration",
    default: "2s",
    "How often servers are asked that do not tell of changes, or are not ready."
  )

  static let upstreamSecurity = PeerSecuritySettings("upstream")

  static let agentInsecure = Setting(
    "insecure",
    .toggle,
    default: "false",
    "Lets routers on other machines be dialled without TLS."
  )

  static let agentSections = [
    SettingsSection(
      title: "Router",
      settings: [.router, .lookUpInterval] + Setting.routerSecurity.all
        + [.tokenFile, .token, .agentInsecure, .reloadInterval]
    ),
    SettingsSection(
      title: "Servers",
      settings: [.key, .upstream, .announceServices, .healthCheck, .healthCheckInterval]
        + Setting.upstreamSecurity.all
    ),
    SettingsSection(title: "Limits", settings: [.maximumMessageSize]),
    Setting.administration,
    Setting.life,
  ]
}
