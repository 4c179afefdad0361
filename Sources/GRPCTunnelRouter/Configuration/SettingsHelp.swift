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

/// Explains settings to the person at a terminal.
package enum SettingsHelp {
  /// The part of a command's help that lists its settings.
  package static func text(for program: ConfigurableProgram) -> String {
    var text = """
      SETTINGS
      Each is a flag, an environment variable or a line of a YAML file, with the same name: \
      --\(Setting.logLevel.name) debug, \(Setting.logLevel.variable)=debug, or \
      '\(Setting.logLevel.name): debug' in the file that --config names. Flags come before \
      variables, variables before the file. Check them with 'grpc-tunnel check-config \
      \(program.rawValue)'.
      """
    for section in program.sections {
      text += "\n\n\(section.title):"
      for setting in section.settings {
        text += "\n  \(Self.usage(setting))"
        text += Self.lines(of: Self.explanation(setting)).map { "\n      \($0)" }.joined()
      }
    }
    return text
  }

  private static func usage(_ setting: Setting) -> String {
    if setting.isSecret { return setting.variable }
    let value = setting.placeholder.isEmpty ? "" : " <\(setting.placeholder)>"
    return setting.flag + value + (setting.form == .list ? " ..." : "")
  }

  private static func explanation(_ setting: Setting) -> String {
    if setting.isRequired { return "\(setting.explanation) Required." }
    guard let text = setting.defaultText else { return setting.explanation }
    return "\(setting.explanation) (default: \(text))"
  }

  /// Lines that fit on a terminal, with an indentation.
  private static func lines(of text: String) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + word.count < 72 {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
