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

/// The settings in the arguments of a command.
struct SettingsArguments {
  /// By name; in the order in which they came for lists.
  private(set) var values: [String: [String]] = [:]

  private(set) var problems: [String] = []

  /// Reads `--name value`, `--name=value`, and, for toggles that are on, `--name`.
  init(_ arguments: [String], settings: [Setting]) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument.utf8.count > 2 else {
        self.problems.append(
          "'\(argument)' is not expected here: settings are given as --name value"
        )
        continue
      }
      let parts = argument.dropFirst(2).split(
        separator: "=",
        maxSplits: 1,
        omittingEmptySubsequences: false
      )
      let name = String(parts[0])
      var value = parts.count == 2 ? String(parts[1]) : nil
      guard let setting = settings.first(where: { $0.name == name }) else {
        self.problems.append("there is no setting '--\(name)'\(Self.suggestion(name, settings))")
        // Its value, if it has one, says no more.
        if value == nil, let next = rest.first, !next.hasPrefix("--") { rest.removeFirst() }
        continue
      }
      // A toggle may do without.
      if value == nil, setting.form != .toggle || rest.first?.hasPrefix("--") == false {
        value = rest.popFirst()
      }
      self.add(value, to: setting)
    }
  }

  private mutating func add(_ value: String?, to setting: Setting) {
    if setting.isSecret {
      self.problems.append(
        """
        \(setting.flag) is a secret, and arguments are seen by everyone on this machine: \
        set \(setting.variable), or '\(setting.name)' in a file
        """
      )
      return
    }
    guard let value = value ?? (setting.form == .toggle ? "true" : nil) else {
      self.problems.append("\(setting.flag) has no value")
      return
    }
    if setting.form != .list, self.values[setting.name] != nil {
      self.problems.append("\(setting.flag) is given twice")
      return
    }
    self.values[setting.name, default: []].append(value)
  }

  /// The setting that was meant, perhaps.
  static func suggestion(_ name: String, _ settings: [Setting]) -> String {
    let nearest = settings.map { (name: $0.name, distance: Self.distance(name, $0.name)) }
      .min { $0.distance < $1.distance }
    guard let nearest, nearest.distance <= max(2, name.count / 4) else { return "" }
    return "; did you mean '\(nearest.name)'?"
  }

  /// How many characters must be changed, added or left out to make one from the other.
  private static func distance(_ one: String, _ other: String) -> Int {
    let other = Array(other.utf8)
    var row = Array(0 ... other.count)
    for (index, byte) in one.utf8.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in other.indices {
        let substituted = diagonal + (byte == other[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
      }
    }
    return row[other.count]
  }
}
