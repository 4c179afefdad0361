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

extension Settings {
  /// All settings with the values that count, as a file that could be given for them; where they come
  /// from is in comments. Secrets are left out.
  package var effectiveConfiguration: String {
    var text = ""
    for section in self.program.sections {
      text += text.isEmpty ? "" : "\n"
      text += "# \(section.title)\n"
      for setting in section.settings where setting != .config {
        text += self.line(for: setting) + "\n"
      }
    }
    return text
  }

  private func line(for setting: Setting) -> String {
    guard let given = self.given(for: setting) else { return "# \(setting.name): not set" }
    if setting.isSecret { return "# \(setting.name): set by \(given.name), not shown" }
    let value: String
    if setting.form == .list {
      value = "[" + given.texts.map { Self.quoted($0) }.joined(separator: ", ") + "]"
    } else {
      value = given.texts.first.map { Self.quoted($0) } ?? ""
    }
    return "\(setting.name): \(value)  # \(given.isDefault ? "default" : given.name)"
  }

  /// A value as YAML that means exactly this text.
  private static func quoted(_ text: String) -> String {
    // No word of YAML begins with a digit, and none of these characters means anything within one.
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "A") ... UInt8(ascii: "Z"),
          UInt8(ascii: "0") ... UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"),
          UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default:
          false
        }
      }
    if isPlain, text.first != "-" { return text }
    return "'" + text.replacing("'", with: "''") + "'"
  }
}
