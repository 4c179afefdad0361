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

/// Prints what happens, and remembers whether all of it was as expected.
struct DemoReport {
  private(set) var passed = 0
  private(set) var failed = 0

  func title(_ text: String) {
    print("\n\(text)")
  }

  /// Does something, and compares what comes of it with what is expected.
  mutating func check<Value: Equatable & Sendable>(
    _ name: String,
    _ summary: String,
    expected: Value,
    _ body: () async throws -> Value
  ) async {
    let clock = ContinuousClock()
    let start = clock.now
    let outcome: String?
    do {
      let value = try await body()
      outcome = value == expected ? nil : "expected \(expected), was \(value)"
    } catch {
      outcome = "\(error)"
    }
    let time = Self.milliseconds(start.duration(to: clock.now))
    if let outcome {
      self.failed += 1
      print("  FAILED  \(Self.pad(name, to: 22))\(summary): \(outcome)")
    } else {
      self.passed += 1
      let indent = String(repeating: " ", count: max(0, 9 - time.count))
      print("  ok  \(Self.pad(name, to: 22))\(Self.pad(summary, to: 52))\(indent)\(time)")
    }
  }

  static func milliseconds(_ duration: Duration) -> String {
    let tenths = Int(duration / .microseconds(100))
    return "\(tenths / 10).\(tenths % 10) ms"
  }

  private static func pad(_ text: String, to count: Int) -> String {
    text + String(repeating: " ", count: max(1, count - text.count))
  }
}
