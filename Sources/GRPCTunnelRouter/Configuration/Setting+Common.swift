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
  static let config = Setting(
    "config",
    .single,
    as: "file",
    "A YAML file with settings, named as the flags. Flags and environment variables come before it."
  )

  static let maximumMessageSize = Setting(
    "max-message-size",
    .single,
    as: "size",
    default: "4MiB",
    """
    The largest message that is forwarded; a larger one ends its RPC with RESOURCE_EXHAUSTED. Give \
    router and agent the same.
    """
  )

  static let drainTimeout = Setting(
    "drain-timeout",
    .single,
    as: "duration",
    default: "30s",
    "How long open RPCs may go on after SIGTERM or SIGINT."
  )

  static let logLevel = Setting(
    "log-level",
    .single,
    as: "level",
    default: "info",
    """
    The least severe messages that are printed, to the standard error output: trace, debug, info, \
    notice, warning, error or critical.
    """
  )

  static let life = SettingsSection(
    title: "Life",
    settings: [.config, .drainTimeout, .logLevel]
  )
}
