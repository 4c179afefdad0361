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

internal import Foundation

/// Measurements as a table in Markdown: a row for each case, a column for each mode with each settings.
struct MarkdownTable {
  let text: String

  init(_ measurements: [Measurement]) {
    let columns = Self.distinct(measurements.map(Column.init))
    var lines = [
      Self.row(["case", "unit"] + columns.map(\.title)),
      Self.row(["---", "---"] + columns.map { _ in "---:" }),
    ]
    for name in Self.distinct(measurements.map(\.name)) {
      let row = measurements.filter { $0.name == name }
      let cells = columns.map { column in
        row.first { Column($0) == column }.map(Self.cell) ?? ""
      }
      lines.append(Self.row([name, row[0].unit] + cells))
    }
    self.text = lines.joined(separator: "\n")
  }

  private struct Column: Hashable {
    var mode: String
    var settings: String

    init(_ measurement: Measurement) {
      self.mode = measurement.mode
      self.settings = measurement.settings
    }

    var title: String { "\(self.mode), \(self.settings)" }
  }

  /// The rate, how far its runs are apart, and how many times the rate of direct RPCs it is.
  private static func cell(_ measurement: Measurement) -> String {
    var cell = Report.number(measurement.rate)
    let spread = Report.spread(measurement.rates)
    if !spread.isEmpty { cell += " \(spread)" }
    if let ratio = measurement.ratio, measurement.mode != Mode.direct.rawValue {
      cell += String(format: " **%.2f×**", ratio)
    }
    return cell
  }

  private static func row(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |"
  }

  private static func distinct<Value: Hashable>(_ values: [Value]) -> [Value] {
    var seen: Set<Value> = []
    return values.filter { seen.insert($0).inserted }
  }
}
