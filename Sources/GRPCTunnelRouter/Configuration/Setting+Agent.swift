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
    .single,
    as: "host:port",
    isRequired: true,
    "The router's address for agents."
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

  static let agentSections = [
    SettingsSection(title: "Router", settings: [.router]),
    SettingsSection(title: "Server", settings: [.key, .upstream]),
    SettingsSection(title: "Limits", settings: [.maximumMessageSize]),
    Setting.life,
  ]
}
