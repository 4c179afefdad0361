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

internal import Testing

/// Counts verdicts, and records an issue for each that nothing explains.
struct VerdictTally {
  private(set) var total = 0
  private(set) var sameValue = 0
  private(set) var bothRefuse = 0
  private(set) var known = 0

  mutating func judge<Message: Referenced>(_ type: Message.Type, _ bytes: [UInt8]) throws {
    self.total += 1
    switch try Message.verdict(on: bytes) {
    case .sameValue:
      self.sameValue += 1
    case .bothRefuse:
      self.bothRefuse += 1
    case .differs(_):
      self.known += 1
    case .unexplained(let description):
      Issue.record("\(type) from \(bytes): \(description)")
    }
  }

  /// Known differences must not hide that nothing else was compared.
  func expectFewDifferences(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(self.known < self.total / 50, sourceLocation: sourceLocation)
    #expect(self.sameValue > 0, sourceLocation: sourceLocation)
    #expect(self.bothRefuse > 0, sourceLocation: sourceLocation)
  }
}
