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

/// Something that can be configured. Its name is the same everywhere: the setting `key` is the flag
/// `--key`, the environment variable `GRPC_TUNNEL_KEY`, and the line `key:` of a file.
package struct Setting: Hashable, Sendable {
  /// How many values a setting has.
  package enum Form: Hashable, Sendable {
    /// On or off: `--name`, or `true` and `false`.
    case toggle
    /// One value.
    case single
    /// Any number of values: the flag repeated, separated by commas in the environment, a list in
    /// a file.
    case list
  }

  /// Lower case words with hyphens.
  package var name: String

  package var form: Form

  /// What stands for the value in help, such as `host:port`; empty for a toggle.
  package var placeholder: String

  /// Used when nothing is given, in the same words; nil when there is no default.
  package var defaultText: String?

  /// Whether nothing works without it.
  package var isRequired: Bool

  /// Whether its value is never shown. A secret is no flag: flags are seen by everyone on the machine.
  package var isSecret: Bool

  /// What it is for: sentences.
  package var explanation: String

  init(
    _ name: String,
    _ form: Form = .single,
    as placeholder: String = "",
    default defaultText: String? = nil,
    isRequired: Bool = false,
    isSecret: Bool = false,
    _ explanation: String
  ) {
    self.name = name
    self.form = form
    self.placeholder = placeholder
    self.defaultText = defaultText
    self.isRequired = isRequired
    self.isSecret = isSecret
    self.explanation = explanation
  }

  /// The flag on the command line.
  package var flag: String {
    "--\(self.name)"
  }

  /// The environment variable.
  package var variable: String {
    "GRPC_TUNNEL_" + self.name.uppercased().replacing("-", with: "_")
  }
}

/// Settings that belong together, under a title.
package struct SettingsSection: Sendable {
  package var title: String
  package var settings: [Setting]
}

/// A program that has settings.
package enum ConfigurableProgram: String, Sendable, CaseIterable {
  case router
  case agent

  /// Its settings, as they are explained.
  package var sections: [SettingsSection] {
    switch self {
    case .router: Setting.routerSections
    case .agent: Setting.agentSections
    }
  }

  package var settings: [Setting] {
    self.sections.flatMap(\.settings)
  }
}
