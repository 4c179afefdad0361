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

/// Writes what Prometheus reads.
enum PrometheusText {
  /// A name as it may be: letters, digits, `_` and `:`, and no digit at first.
  static func name(_ text: String) -> String {
    let name = String(
      text.unicodeScalars.map { scalar in
        switch scalar {
        case "a" ... "z", "A" ... "Z", "0" ... "9", "_", ":": Character(scalar)
        default: "_"
        }
      }
    )
    return name.first.map { $0.isNumber } ?? true ? "_\(name)" : name
  }

  /// Labels as they stand between braces, ordered by their names.
  static func labels(_ dimensions: [(String, String)]) -> String {
    dimensions.sorted { $0.0 < $1.0 }
      .map { "\(self.name($0.0))=\"\(self.value($0.1))\"" }
      .joined(separator: ",")
  }

  static func line(_ name: String, _ labels: String, _ value: Double) -> String {
    "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(self.number(value))\n"
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  static func helpText(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }

  private static func value(_ text: String) -> String {
    self.helpText(text).replacing("\"", with: "\\\"")
  }
}
