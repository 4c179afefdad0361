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
  static let admin = Setting(
    "admin",
    .single,
    as: "host:port",
    """
    Where to look at what it does: a page at '/', its API, '/metrics' for Prometheus, '/healthz' and \
    '/readyz'. With port 0 the system chooses one.
    """
  )

  static let adminTokens = Setting(
    "admin-tokens",
    .single,
    as: "file",
    """
    Hashes of tokens, made by 'grpc-tunnel token': who uses the admin address must show one of these \
    tokens. Read again when it changes.
    """
  )

  static let administration = SettingsSection(
    title: "Administration",
    settings: [.admin, .adminTokens]
  )
}
