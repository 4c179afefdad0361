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

internal import Configuration

/// What was given for the settings of a program, and where: in flags, environment variables and a
/// file, in this order.
package struct Settings: Sendable {
  /// Where values come from.
  struct Source: Sendable {
    /// Names a setting as it is written there.
    var name: @Sendable (Setting) -> String
    var values: ConfigReader
  }

  /// A value that was given for a setting, or its default.
  struct Given: Sendable {
    /// None for an empty list.
    var texts: [String]
    /// How the setting is named where the value stands.
    var name: String
    var isDefault: Bool
  }

  package let program: ConfigurableProgram
  private let sources: [Source]

  /// Collects what is given.
  ///
  /// - Parameters:
  ///   - arguments: Those after the name of the command.
  ///   - environment: All environment variables; those of no setting are left alone.
  ///   - readFile: Reads the file that the setting `config` names.
  /// - Throws: ``ConfigurationError`` for what is no setting, and when the file cannot be read.
  package init(
    for program: ConfigurableProgram,
    arguments: [String],
    environment: [String: String],
    readFile: (_ path: String) throws -> String
  ) throws(ConfigurationError) {
    let settings = program.settings
    let flags = SettingsArguments(arguments, settings: settings)
    var problems = flags.problems
    let given = Source(name: { $0.flag }, values: Self.reader("flags", flags.values))
    // Set to nothing is not set: that is how a variable is switched off where it cannot be unset.
    let variables = EnvironmentVariablesProvider(
      environmentVariables: environment.filter { !$0.value.isEmpty },
      secretsSpecifier: .specific(Set(settings.filter(\.isSecret).map(\.variable)))
    )
    let inherited = Source(
      name: { $0.variable },
      values: ConfigReader(provider: variables.prefixKeys(with: ["grpc-tunnel"]))
    )
    var sources = [given, inherited]
    if let path = Self.lookUp(.config, in: sources)?.texts.first {
      do {
        let file = SettingsFile(try readFile(path), settings: settings)
        problems += file.problems.map { "\(path): \($0)" }
        sources.append(
          Source(name: { "\(path): '\($0.name)'" }, values: Self.reader(path, file.values))
        )
      } catch {
        problems.append("cannot read \(path): \(SystemError.text(error))")
      }
    }
    if !problems.isEmpty { throw ConfigurationError(problems) }
    self.program = program
    self.sources = sources
  }

  private static func reader(_ name: String, _ values: [String: [String]]) -> ConfigReader {
    let pairs = values.map { name, texts in
      (AbsoluteConfigKey([name]), ConfigValue(.stringArray(texts), isSecret: false))
    }
    return ConfigReader(
      provider: InMemoryProvider(name: name, values: Dictionary(uniqueKeysWithValues: pairs))
    )
  }

  /// What counts for a setting; nil when nothing was given and there is no default.
  func given(for setting: Setting) -> Given? {
    if let found = Self.lookUp(setting, in: self.sources) { return found }
    return setting.defaultText.map { Given(texts: [$0], name: setting.flag, isDefault: true) }
  }

  private static func lookUp(_ setting: Setting, in sources: [Source]) -> Given? {
    for source in sources {
      let key = ConfigKey([setting.name])
      guard var texts = source.values.stringArray(forKey: key, isSecret: setting.isSecret) else {
        continue
      }
      // The environment splits at commas what is one value.
      if setting.form != .list { texts = [texts.joined(separator: ",")] }
      return Given(texts: texts, name: source.name(setting), isDefault: false)
    }
    return nil
  }
}
