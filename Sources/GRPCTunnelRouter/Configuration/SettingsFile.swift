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

internal import Yams

/// The settings in a file: YAML, one level of names with values or lists of values.
struct SettingsFile {
  private(set) var values: [String: [String]] = [:]

  private(set) var problems: [String] = []

  init(_ text: String, settings: [Setting]) {
    let root: Node?
    do {
      root = try Parser(yaml: text).singleRoot()
    } catch {
      self.problems.append("it is not YAML: \(Self.explanation(of: error))")
      return
    }
    // An empty file is fine.
    guard let root, root.null == nil else { return }
    guard let mapping = root.mapping else {
      self.problems.append("it does not consist of lines such as 'key: shop-42'")
      return
    }
    for (key, value) in mapping {
      let line = key.mark.map { "line \($0.line): " } ?? ""
      guard let name = key.string, let setting = settings.first(where: { $0.name == name }) else {
        let name = key.string ?? ""
        let suggestion = SettingsArguments.suggestion(name, settings)
        self.problems.append("\(line)there is no setting '\(name)'\(suggestion)")
        continue
      }
      if setting == .config {
        self.problems.append("\(line)a file cannot name another file")
      } else if let scalar = value.scalar {
        self.values[name] = [scalar.string]
      } else if let scalars = value.sequence?.map(\.scalar), setting.form == .list,
        scalars.allSatisfy({ $0 != nil })
      {
        self.values[name] = scalars.compactMap { $0?.string }
      } else {
        let kind = setting.form == .list ? "a value, or a list of values" : "one value"
        self.problems.append("\(line)'\(name)' must be \(kind)")
      }
    }
  }

  /// What is wrong, without the text that is: it may be a secret.
  private static func explanation(of error: any Error) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line): \(problem)"
    case .reader(let problem, _, _, _):
      problem
    case .duplicatedKeysInMapping(let names, _):
      "several lines for \(names.joined(separator: ", "))"
    default:
      "it cannot be read"
    }
  }
}
