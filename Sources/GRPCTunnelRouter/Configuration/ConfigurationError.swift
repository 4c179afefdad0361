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

/// What is wrong with a configuration: everything that was found, for the person who wrote it.
package struct ConfigurationError: Error, Hashable, CustomStringConvertible {
  /// At least one.
  package var problems: [String]

  package init(_ problems: [String]) {
    self.problems = problems
  }

  package var description: String {
    if self.problems.count == 1 { return self.problems[0] }
    let lines = self.problems.map { "\n  - \($0)" }.joined()
    return "the configuration has \(self.problems.count) problems:\(lines)"
  }
}
