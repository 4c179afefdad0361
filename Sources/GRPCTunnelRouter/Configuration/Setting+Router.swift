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
  static let tunnelAddress = Setting(
    "tunnel-address",
    .single,
    as: "host:port",
    isRequired: true,
    "Where agents open tunnels; with port 0 the system chooses one."
  )

  static let address = Setting(
    "address",
    .single,
    as: "host:port",
    isRequired: true,
    "Where callers make RPCs; with port 0 the system chooses one."
  )

  static let routerSections = [
    SettingsSection(title: "Addresses", settings: [.tunnelAddress, .address]),
    SettingsSection(title: "Limits", settings: [.maximumMessageSize]),
    Setting.life,
  ]
}
