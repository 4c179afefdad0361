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
internal import Testing

/// Shows that ThreadSanitizer finds races in this build: for dev/thread-sanitizer.sh only.
@Suite(
  "A race on purpose",
  .enabled(if: ProcessInfo.processInfo.environment["RACE_ON_PURPOSE"] != nil)
)
struct RaceOnPurposeTests {
  /// A count without the lock that it would need.
  private final class UnprotectedCount: @unchecked Sendable {
    // Unchecked: that is the point.
    var value = 0
  }

  @Test("Two tasks change one variable")
  func race() async {
    let count = UnprotectedCount()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0 ..< 8 {
        group.addTask {
          for _ in 0 ..< 1000 {
            count.value += 1
            await Task.yield()
          }
        }
      }
    }
    #expect(count.value > 0)
  }
}
