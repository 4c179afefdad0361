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
    as: "host:port",
    isRequired: true,
    "A router's address for agents. With several routers there is a tunnel to each."
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
    isRequired: true,
    "The key by which callers choose this agent: printable ASCII characters."
  )

  static let upstream = Setting(
    "upstream",
    .single,
    as: "host:port",
    isRequired: true,
    "The server that RPCs are forwarded to."
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
      settings: [.router] + Setting.routerSecurity.all
        + [.tokenFile, .token, .agentInsecure, .reloadInterval]
    ),
    SettingsSection(title: "Server", settings: [.key, .upstream] + Setting.upstreamSecurity.all),
    SettingsSection(title: "Limits", settings: [.maximumMessageSize]),
    Setting.administration,
    Setting.life,
  ]
}
