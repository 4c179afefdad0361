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

/// Writes measurements for people, and into a file for programs.
struct Report: Sendable {
  /// Where one JSON object a line goes; nil for nowhere.
  var file: String?

  /// Adds measurements to the file, and prints them.
  func add(_ measurements: [Measurement], printing: Bool = true) throws {
    if printing {
      for measurement in measurements {
        print(Self.line(measurement))
      }
      fflush(nil)
    }
    guard let file else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines = Data()
    for measurement in measurements {
      lines.append(try encoder.encode(measurement))
      lines.append(UInt8(ascii: "\n"))
    }
    if !FileManager.default.fileExists(atPath: file) {
      _ = FileManager.default.createFile(atPath: file, contents: nil)
    }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
    defer { try? handle.close() }
    try handle.seekToEnd()
    try handle.write(contentsOf: lines)
  }

  static let title =
    Self.padded("case", 26) + Self.padded("mode", 9) + Self.padded("settings", 9)
    + Self.right("rate", 11) + " " + Self.padded("unit", 13) + Self.right("spread", 8)
    + Self.right("÷direct", 9) + Self.right("p50 µs", 9) + Self.right("p99 µs", 10)
    + Self.right("CPU µs", 9) + Self.right("client", 8) + Self.right("server", 8)

  private static func line(_ measurement: Measurement) -> String {
    var line =
      Self.padded(measurement.name, 26) + Self.padded(measurement.mode, 9)
      + Self.padded(measurement.settings, 9) + Self.right(Self.number(measurement.rate), 11) + " "
      + Self.padded(measurement.unit, 13) + Self.right(Self.spread(measurement.rates), 8)
    line += Self.right(measurement.ratio.map { String(format: "%.2f", $0) } ?? "", 9)
    line += Self.right(measurement.p50.map(Self.number) ?? "", 9)
    line += Self.right(measurement.p99.map(Self.number) ?? "", 10)
    line += Self.right(measurement.cpu.map { String(format: "%.1f", $0) } ?? "", 9)
    line += Self.right(measurement.clientCPU.map { String(format: "%.1f", $0) } ?? "", 8)
    line += Self.right(measurement.serverCPU.map { String(format: "%.1f", $0) } ?? "", 8)
    for (key, value) in (measurement.details ?? [:]).sorted(by: { $0.key < $1.key }) {
      line += "  \(key) \(Self.number(value))"
    }
    return line
  }

  /// How far the runs are apart: the distance of the outer ones from the median.
  static func spread(_ rates: [Double]) -> String {
    guard rates.count > 1, let median = rates.median, median > 0,
      let least = rates.min(), let most = rates.max()
    else { return "" }
    return String(format: "±%.0f%%", max(most - median, median - least) / median * 100)
  }

  static func number(_ value: Double) -> String {
    String(format: abs(value) < 100 ? "%.1f" : "%.0f", value)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
  }
}
