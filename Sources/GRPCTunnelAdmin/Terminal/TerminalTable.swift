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

/// Text in columns, for a terminal.
package struct TerminalTable: Sendable {
  package struct Cell: Sendable {
    var text: String
    var colour: TerminalColour?

    /// Control characters in the text, which may be a peer's, are left out.
    package init(_ text: String, _ colour: TerminalColour? = nil) {
      self.text = TerminalText.printable(text)
      self.colour = colour
    }
  }

  package enum Alignment: Sendable {
    case left
    case right
  }

  private let titles: [(text: String, alignment: Alignment)]
  private var rows: [[Cell]] = []

  package init(_ titles: [(String, Alignment)]) {
    self.titles = titles.map { ($0.0, $0.1) }
  }

  package mutating func add(_ cells: [Cell]) {
    self.rows.append(cells)
  }

  /// The lines, with the titles.
  package func text(isColoured: Bool) -> String {
    let heads = self.titles.map { Cell($0.text, .dim) }
    let all = [heads] + self.rows
    let widths = self.titles.indices.map { column in
      all.map { $0[column].text.count }.max() ?? 0
    }
    return all.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.text.count)
        let text = isColoured ? (cell.colour?.apply(to: cell.text) ?? cell.text) : cell.text
        let isLast = column == row.count - 1
        switch self.titles[column].alignment {
        case .left: line += text + (isLast ? "" : padding)
        case .right: line += padding + text
        }
        if !isLast { line += "  " }
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}

/// A colour of text, as terminals have it.
package enum TerminalColour: Int, Sendable {
  case dim = 2
  case red = 31
  case green = 32
  case yellow = 33

  func apply(to text: String) -> String {
    text.isEmpty ? text : "\u{1b}[\(self.rawValue)m\(text)\u{1b}[0m"
  }
}
