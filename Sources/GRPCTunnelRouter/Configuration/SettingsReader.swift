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

/// Turns what was given for settings into values, and collects what is wrong with it.
struct SettingsReader {
  let settings: Settings
  private(set) var problems: [String] = []

  init(_ settings: Settings) {
    self.settings = settings
  }

  /// The value of a setting that has one or none.
  ///
  /// - Returns: nil when there is none, or when it is not one: then there is a problem.
  mutating func value<Value>(
    of setting: Setting,
    _ parse: (String) throws(SettingValueError) -> Value
  ) -> Value? {
    guard let given = self.settings.given(for: setting), let text = given.texts.first else {
      if setting.isRequired {
        self.problems.append("\(setting.flag) is missing: \(setting.explanation)")
      }
      return nil
    }
    return self.parsed(text, given, setting, parse)
  }

  /// Sets a value when something was given, or there is a default.
  mutating func set<Value>(
    _ value: inout Value,
    to setting: Setting,
    _ parse: (String) throws(SettingValueError) -> Value
  ) {
    if let given = self.value(of: setting, parse) { value = given }
  }

  /// A certificate and its key: both or none.
  mutating func certificate(_ certificate: Setting, _ key: Setting) -> CertificateFiles? {
    switch (
      self.value(of: certificate, SettingValue.path), self.value(of: key, SettingValue.path)
    ) {
    case (.some(let certificate), .some(let key)):
      return CertificateFiles(certificate: certificate, key: key)
    case (.none, .none):
      return nil
    case (.some, .none), (.none, .some):
      self.add(["\(certificate.flag) and \(key.flag) are given together"])
      return nil
    }
  }

  /// The values of a list; those that are not one are problems.
  mutating func values<Value>(
    of setting: Setting,
    _ parse: (String) throws(SettingValueError) -> Value
  ) -> [Value] {
    let given = self.settings.given(for: setting)
    guard let given, !given.texts.isEmpty else {
      if setting.isRequired {
        self.problems.append("\(setting.flag) is missing: \(setting.explanation)")
      }
      return []
    }
    return given.texts.compactMap { self.parsed($0, given, setting, parse) }
  }

  /// Whether a toggle is on.
  mutating func isOn(_ setting: Setting) -> Bool {
    self.value(of: setting, SettingValue.toggle) ?? false
  }

  mutating func add(_ problems: [String]) {
    self.problems += problems
  }

  /// - Throws: ``ConfigurationError`` when there are problems.
  func finish() throws(ConfigurationError) {
    if !self.problems.isEmpty { throw ConfigurationError(self.problems) }
  }

  private mutating func parsed<Value>(
    _ text: String,
    _ given: Settings.Given,
    _ setting: Setting,
    _ parse: (String) throws(SettingValueError) -> Value
  ) -> Value? {
    do throws(SettingValueError) {
      return try parse(text)
    } catch {
      self.problems.append(
        setting.isSecret ? "\(given.name): it \(error.reason)" : "\(given.name): \(error)"
      )
      return nil
    }
  }
}
